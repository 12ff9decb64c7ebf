/*
 * Starts and stops a peer's process for a measurement.
 *
 * A peer listens on a loopback port of its own choice and reports it on descriptor 3, as workerd
 * does: {"event": "listen", "socket": "http", "port": N}, one JSON message a line. Once GET /
 * answers, {"pid", "started", "host", "port"} is written to the state file. What the peer prints
 * goes to a log beside the state file; stop removes both.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const STARTUP_MS = 15_000;
const STOP_MS = 5_000;

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
	return state.started !== undefined && startTime(state.pid) === state.started;
}

async function end(state) {
	const term = Date.now();
	let signal = "SIGTERM";
	while (isRunning(state)) {
		if (signal) {
			process.kill(state.pid, signal);
		}
		signal = Date.now() - term > STOP_MS ? "SIGKILL" : undefined;
		await sleep(20);
	}
}

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
	throw new Error("it ended before it listened");
}

/* Resolves with the port when the peer answers; rejects when it fails to, or is late. */
async function answeringPort(child, host) {
	const signal = AbortSignal.timeout(STARTUP_MS);
	const broken = new Promise((_, reject) => {
		child.once("error", reject);
		signal.onabort = () => reject(new Error(`no answer within ${STARTUP_MS} ms`));
	});
	const port = await Promise.race([reportedPort(child.stdio[3]), broken]);
	const reply = await fetch(`http://${host}:${port}/`, { signal });
	if (!reply.ok) {
		throw new Error(`its first answer has status ${reply.status}`);
	}
	await reply.text();
	return port;
}

export async function startPeer(name, command, stateFile) {
	if (fs.existsSync(stateFile)) {
		throw new Error(`${stateFile} exists: is that ${name} still running? stop it first`);
	}
	const logFile = `${stateFile}.log`;
	const log = fs.openSync(logFile, "w", 0o600);
	const child = spawn(command[0], command.slice(1), {
		detached: true,
		stdio: ["ignore", log, log, "pipe"],
	});
	fs.closeSync(log);
	const state = { pid: child.pid, started: startTime(child.pid), host: "127.0.0.1" };
	try {
		state.port = await answeringPort(child, state.host);
		fs.writeFileSync(stateFile, `${JSON.stringify(state)}\n`, { flag: "wx", mode: 0o600 });
	} catch (error) {
		await end(state);
		const said = fs.readFileSync(logFile, "utf8").trim();
		fs.rmSync(logFile);
		throw new Error(`${name} did not start: ${error.message}${said ? `\n${said}` : ""}`);
	} finally {
		child.stdio[3].destroy();
		child.unref();
	}
	return state;
}

export async function stopPeer(stateFile) {
	await end(JSON.parse(fs.readFileSync(stateFile, "utf8")));
	fs.rmSync(`${stateFile}.log`, { force: true });
	fs.rmSync(stateFile);
}

/* The command line of a peer's script; ends the process. */
export async function peerMain(name, start) {
	const [action, stateFile, ...rest] = process.argv.slice(2);
	if (!stateFile || rest.length > 0 || !["start", "stop"].includes(action)) {
		console.error(`usage: ${name}.mjs start|stop STATE`);
		process.exit(2);
	}
	try {
		if (action === "start") {
			const { host, port } = await start(stateFile);
			console.log(`${host}:${port}`);
		} else {
			await stopPeer(stateFile);
		}
	} catch (error) {
		console.error(`${name}.mjs: ${error.message}`);
		process.exit(1);
	}
	process.exit(0);
}

/* Whether the module of this URL is the script that Node.js was asked to run. */
export function isMain(url) {
	return process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === new URL(url).pathname;
}
