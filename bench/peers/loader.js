/*
 * The trusted side of the workerd peer. The path says how the guest comes to be:
 *
 *   /cold  a fresh dynamic worker under an ID that was never used before: get(unique ID)
 *   /load  a fresh dynamic worker without an ID, which workerd may drop after use: load()
 *   /warm  one held dynamic worker: get(constant ID)
 */
let next = 0;

/*
 * With a compatibility date this recent, Node.js' modules and globals are on unless refused, and
 * a new worker takes a third longer. The guest needs none of them: workerd at its best.
 */
function guestCode(env) {
	return {
		compatibilityDate: "2026-11-01",
		compatibilityFlags: ["no_nodejs_compat"],
		mainModule: "worker.js",
		modules: { "worker.js": env.GUEST },
		globalOutbound: null,
	};
}

function guestFor(path, env) {
	switch (path) {
		case "/cold":
			return env.LOADER.get(`cold-${(next += 1)}`, async () => guestCode(env));
		case "/load":
			return env.LOADER.load(guestCode(env));
		case "/warm":
			return env.LOADER.get("warm", async () => guestCode(env));
	}
	return undefined;
}

export default {
	async fetch(request, env) {
		const path = new URL(request.url).pathname;
		if (path === "/") {
			return new Response("ready\n");
		}
		const guest = guestFor(path, env);
		if (!guest) {
			return new Response("no such path\n", { status: 404 });
		}
		return guest.getEntrypoint().fetch(request);
	},
};
