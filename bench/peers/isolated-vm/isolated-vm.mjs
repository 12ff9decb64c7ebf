#!/usr/bin/env node
/*
 * Starts and stops the isolated-vm peer; the same command line as ../workerd.mjs.
 */
import * as fs from "node:fs";
import { fileURLToPath } from "node:url";
import { isMain, peerMain, startPeer } from "../process.mjs";

const BUILT = new URL("node_modules/isolated-vm/out/isolated_vm.node", import.meta.url);
const SERVER = new URL("server.mjs", import.meta.url);

export async function start(stateFile) {
	if (!fs.existsSync(BUILT)) {
		throw new Error(
			"isolated-vm is not built: run `npm ci && npm run build` in bench/peers/isolated-vm",
		);
	}
	/* isolated-vm asks for the flag with Node.js 20 and later */
	const flags = ["--no-node-snapshot"];
	return startPeer(
		"isolated-vm",
		[process.execPath, ...flags, fileURLToPath(SERVER)],
		stateFile,
	);
}

if (isMain(import.meta.url)) {
	await peerMain("isolated-vm", start);
}
