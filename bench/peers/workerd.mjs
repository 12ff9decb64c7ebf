#!/usr/bin/env node
/*
 * Starts and stops workerd for a measurement.
 *
 *   workerd.mjs start STATE    start on a free loopback port, print HOST:PORT, and write {"pid",
 *                              "started", "host", "port"} to STATE once it answers
 *   workerd.mjs stop STATE     end that process and no other; remove STATE
 */
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { isMain, peerMain, startPeer } from "./process.mjs";

/* Straight from the platform's package: workerd's own script only passes on to it. */
const BINARY = new URL("node_modules/@cloudflare/workerd-linux-64/bin/workerd", import.meta.url);
const CONFIG = new URL("workerd.capnp", import.meta.url);

export async function start(stateFile) {
	if (!fs.existsSync(BINARY)) {
		throw new Error("workerd is not installed: run `npm ci` in bench/peers");
	}
	const flags = ["--experimental", "--control-fd=3"];
	const command = [fileURLToPath(BINARY), "serve", ...flags, fileURLToPath(CONFIG)];
	return startPeer("workerd", command, stateFile);
}

if (isMain(import.meta.url)) {
	await peerMain("workerd", start);
}
