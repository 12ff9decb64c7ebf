#!/usr/bin/env node
/*
 * Starts and stops workerd for a measurement.
 *
 *   workerd.mjs start STATE    start on a free loopback port; write {"pid", "started", "host",
 *                              "port"} to STATE once it answers
 *   workerd.mjs stop STATE     end that process and no other; remove STATE
 *
 * workerd's own messages go to STATE.log, which stop removes too.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";

const STARTUP_MS = 15_000;
const STOP_MS = 5_000;
const BINARY = new URL("node_modules/@cloudflare/workerd-linux-64/bin/workerd", import.meta.url);
const CONFIG = new URL("workerd.capnp", import.meta.url);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* Kernel start time of a process: with it a reused process ID is told from the one we started. */
function startTime(pid) {
	try {
		const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		return fields[0] === "Z" ? undefined : fields[19];
	} catch {
		return undefined;
	}
}

function isRunning(state) {
	return startTime(state.pid) === state.started;
}

/* The port that workerd reports on its control descriptor, one JSON message a line. */
async function reportedPort(control) {
	let text = "";
	for await (const chunk of control) {
		text += chunk;
		const lines = text.split("\n");
		text = lines.pop();
		for (const line of lines) {
			const message = JSON.parse(line);
			if (message.event === "listen" && message.socket === "http") {
				return message.port;
			}
		}
	}
	throw new Error("workerd ended before it listened");
}

async function end(state) {
	if (isRunning(state)) {
		process.kill(state.pid, "SIGTERM");
	}
	for (let waited = 0; isRunning(state); waited += 20) {
		if (waited >= STOP_MS) {
			process.kill(state.pid, "SIGKILL");
			waited = 0;
		}
		await sleep(20);
	}
}

export async function start(stateFile) {
	if (fs.existsSync(stateFile)) {
		throw new Error(`${stateFile} exists: is that workerd still running? stop it first`);
	}
	if (!fs.existsSync(BINARY)) {
		throw new Error("workerd is not installed: run `npm ci` in bench/peers");
	}
	const logFile = `${stateFile}.log`;
	const log = fs.openSync(logFile, "w", 0o600);
	const child = spawn(
		fileURLToPath(BINARY),
		["serve", "--experimental", "--control-fd=3", fileURLToPath(CONFIG)],
		{ detached: true, stdio: ["ignore", log, log, "pipe"] },
	);
	fs.closeSync(log);
	const failed = new Promise((_, reject) => child.once("error", reject));
	failed.catch(() => {});
	const state = { pid: child.pid, started: startTime(child.pid), host: "127.0.0.1", port: 0 };
	const deadline = AbortSignal.timeout(STARTUP_MS);
	const late = new Promise((_, reject) => {
		deadline.onabort = () => reject(new Error(`no answer within ${STARTUP_MS} ms`));
	});
	try {
		state.port = await Promise.race([reportedPort(child.stdio[3]), failed, late]);
		const reply = await fetch(`http://${state.host}:${state.port}/`, { signal: deadline });
		if (!reply.ok) {
			throw new Error(`first answer has status ${reply.status}`);
		}
		await reply.text();
		fs.writeFileSync(stateFile, JSON.stringify(state) + "\n", { flag: "wx", mode: 0o600 });
	} catch (error) {
		if (child.pid !== undefined) {
			await end(state);
		}
		const said = fs.readFileSync(logFile, "utf8").trim();
		fs.rmSync(logFile, { force: true });
		throw new Error(`workerd did not start: ${error.message}${said ? `\n${said}` : ""}`);
	} finally {
		child.stdio[3]?.destroy();
		child.unref();
	}
	return state;
}

export async function stop(stateFile) {
	await end(JSON.parse(fs.readFileSync(stateFile, "utf8")));
	fs.rmSync(`${stateFile}.log`, { force: true });
	fs.rmSync(stateFile);
}

async function main([action, stateFile, ...rest]) {
	if (!stateFile || rest.length > 0 || !["start", "stop"].includes(action)) {
		console.error("usage: workerd.mjs start|stop STATE");
		return 2;
	}
	if (action === "start") {
		const { host, port } = await start(stateFile);
		console.log(`${host}:${port}`);
	} else {
		await stop(stateFile);
	}
	return 0;
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
	try {
		process.exit(await main(process.argv.slice(2)));
	} catch (error) {
		console.error(`workerd.mjs: ${error.message}`);
		process.exit(1);
	}
}
