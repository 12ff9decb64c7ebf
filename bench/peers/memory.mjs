#!/usr/bin/env node
/*
 * What workerd keeps in memory per dynamic worker: its growth over N fresh ones, divided by N.
 *
 *   memory.mjs [N]    prints one line of JSON for each way to load (see loader.js)
 *
 * N is 1000 by default. workerd keeps every worker that it got by ID, so N also sets how much
 * memory this needs: more than 1.6 MB for each.
 */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { stopPeer } from "./process.mjs";
import { start } from "./workerd.mjs";

const WARMUP = 50;
const KIB = 1024;

const input = fs.readFileSync(new URL("../code/input.json", import.meta.url));

/* Reads "Name:  123 kB" lines of a /proc file. */
function kib(file, name) {
	const match = fs.readFileSync(file, "utf8").match(new RegExp(`^${name}:\\s+(\\d+) kB`, "m"));
	assert(match, `${file} has no ${name}`);
	return Number(match[1]);
}

function sample(pid) {
	return {
		rss: kib(`/proc/${pid}/status`, "VmRSS"),
		pageTables: kib(`/proc/${pid}/status`, "VmPTE"),
		mappings: fs.readFileSync(`/proc/${pid}/maps`, "utf8").split("\n").length - 1,
		available: kib("/proc/meminfo", "MemAvailable"),
	};
}

async function runMany(url, count) {
	for (let i = 0; i < count; i++) {
		const reply = await fetch(url, { method: "POST", body: input });
		assert.equal((await reply.json()).fresh, true, "the worker was not fresh");
	}
}

async function measure(kind, count, stateFile) {
	const { pid, host, port } = await start(stateFile);
	try {
		const url = `http://${host}:${port}/${kind}`;
		await runMany(url, WARMUP);
		const before = sample(pid);
		await runMany(url, count);
		const after = sample(pid);
		const each = (amount) => Math.round((amount / count) * 100) / 100;
		return {
			peer: "workerd",
			kind,
			workers: count,
			rss_kib_each: each(after.rss - before.rss),
			page_tables_kib_each: each(after.pageTables - before.pageTables),
			mappings_each: each(after.mappings - before.mappings),
			/* of the whole machine: rough where others work too */
			system_kib_each: each(before.available - after.available),
			rss_mib_after: Math.round(after.rss / KIB),
		};
	} finally {
		await stopPeer(stateFile);
	}
}

const count = Number(process.argv[2] ?? 1000);
if (!Number.isInteger(count) || count < 1 || process.argv.length > 3) {
	console.error("usage: memory.mjs [N]");
	process.exit(2);
}
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "cordon-bench-"));
try {
	for (const kind of ["cold", "load"]) {
		console.log(JSON.stringify(await measure(kind, count, path.join(folder, "state"))));
	}
} finally {
	fs.rmSync(folder, { recursive: true });
}
