// A host for the parts of the prelude that can be tested outside of the engine they are made for.
import { runInThisContext } from "node:vm";
import { setHost } from "../src/host.js";
import { Linker, namespaceOf } from "../src/link/linker.js";
import { makeUnits } from "../src/link/units.js";
import { knowUnits } from "../src/errors/place.js";

setHost({
  evaluate: (source, filename) => runInThisContext(source, { filename }),
  utf8Encode: (string) => new TextEncoder().encode(string),
  utf8Decode: (view) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(view),
});

export function unitsOf(files, more = {}) {
  const modules = Object.entries(files).map(([name, source]) => ({ name, type: "auto", source }));
  const job = { main: modules[0].name, modules, language: "", fences: false, wasm: true, ...more };
  const units = makeUnits(job);
  knowUnits(units);
  return { units, job };
}

// Links and evaluates; the first file is the entry. Returns its namespace.
export async function load(files, more) {
  const { units, job } = unitsOf(files, more);
  const { record, done } = new Linker(units, job).run(job.main);
  await done;
  return namespaceOf(record);
}
