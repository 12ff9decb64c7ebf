/*
 * The isolated-vm peer: an HTTP server in Node.js that runs the guest in V8 isolates of its own
 * process.
 *
 *   /cold  a fresh isolate and context for each request, disposed of after it
 *   /warm  one held isolate
 *
 * A bare isolate has no Request and no Response, so the guest gets the few lines of them that it
 * needs: much less than workerd or Cordon give it.
 */
import * as fs from "node:fs";
import * as http from "node:http";
import ivm from "isolated-vm";

const MEMORY_MIB = 32;

const guest = fs.readFileSync(new URL("../../code/worker.js", import.meta.url), "utf8");

const shim = `
	globalThis.Request = class {
		#text;
		constructor(text) { this.#text = text; }
		async json() { return JSON.parse(this.#text); }
	};
	globalThis.Response = class {
		#text;
		constructor(text) { this.#text = text; }
		static json(value) { return new Response(JSON.stringify(value)); }
		async text() { return this.#text; }
	};
`;

const main = `
	import guest from "worker.js";
	globalThis.serve = async (text) => (await guest.fetch(new Request(text), {}, {})).text();
`;

/* The shim is in the snapshot that isolates start from: isolated-vm at its best. */
const snapshot = ivm.Isolate.createSnapshot([{ code: shim }]);

async function load() {
	const isolate = new ivm.Isolate({ memoryLimit: MEMORY_MIB, snapshot });
	const context = await isolate.createContext();
	const worker = await isolate.compileModule(guest, { filename: "worker.js" });
	const module = await isolate.compileModule(main, { filename: "main.js" });
	await module.instantiate(context, () => worker);
	await module.evaluate();
	const serve = await context.global.get("serve", { reference: true });
	return { isolate, serve };
}

function call({ serve }, text) {
	return serve.apply(undefined, [text], { result: { promise: true, copy: true } });
}

async function runCold(text) {
	const loaded = await load();
	try {
		return await call(loaded, text);
	} finally {
		loaded.isolate.dispose();
	}
}

const held = load();

async function answer(request) {
	const chunks = [];
	for await (const chunk of request) {
		chunks.push(chunk);
	}
	const text = Buffer.concat(chunks).toString();
	switch (request.url) {
		case "/":
			return "ready\n";
		case "/cold":
			return runCold(text);
		case "/warm":
			return call(await held, text);
	}
	return undefined;
}

const server = http.createServer(async (request, response) => {
	try {
		const body = await answer(request);
		response.writeHead(body === undefined ? 404 : 200, { "Content-Type": "application/json" });
		response.end(body);
	} catch (error) {
		console.error(error);
		response.writeHead(500).end();
	}
});
server.listen(0, "127.0.0.1", () => {
	const { port } = server.address();
	fs.writeSync(3, `${JSON.stringify({ event: "listen", socket: "http", port })}\n`);
	fs.closeSync(3);
});
