# workerd as a host of dynamic workers: loader.js serves, the guest is loaded anew for each request.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
	services = [ ( name = "loader", worker = .loader ) ],
	# Port 0: the kernel picks a free one and workerd reports it on its control descriptor.
	sockets = [ ( name = "http", address = "127.0.0.1:0", http = (), service = "loader" ) ]
);

const loader :Workerd.Worker = (
	modules = [ ( name = "loader.js", esModule = embed "loader.js" ) ],
	bindings = [
		( name = "LOADER", workerLoader = () ),
		( name = "GUEST", text = embed "../code/worker.js" )
	],
	compatibilityDate = "2026-11-01"
);
