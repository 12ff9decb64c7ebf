// What a module offers as its entry, and how it is called.
import { apply, functionToString, reflectGet, stringStartsWith } from "./primordials.js";
import { plainFailure } from "./errors/failure.js";

const SHAPES = `Accepted are:
  async ({ input, env }) => { … }                                  a function on its own
  export default async function (input, ctx) { … }                 a module
  export default { async fetch(request, env, ctx) { … } }          a module that answers a Request`;

const noEntry = (unit, why) => plainFailure("code.no_entry", `${why}\n${SHAPES}`, { file: unit.name });

// {kind, call, result?}; `call(input, ctx)` starts it, `result(value)` turns what it gave into the run's result.
export function invocationOf(namespace, unit) {
  const entry = namespace.default;
  if (typeof entry === "function") {
    if (stringStartsWith(functionToString(entry), "class"))
      throw noEntry(unit, "The default export is a class. Export an instance of it, or a function.");
    if (unit.compiled.expression) return { __proto__: null, kind: "code-mode", call: entry };
    return { __proto__: null, kind: "function", call: (input, ctx) => apply(entry, undefined, [input, ctx]) };
  }
  if (typeof entry === "object" && entry !== null) {
    const fetch = reflectGet(entry, "fetch");
    if (typeof fetch === "function") return fetchInvocation(entry, fetch);
    if (typeof reflectGet(entry, "run") === "function")
      throw plainFailure(
        "code.reserved",
        "A default export with run(event, step) is a workflow. Workflows are not available yet; export a function, or an object with fetch(request, env, ctx).",
        { file: unit.name },
      );
    throw noEntry(unit, "The default export is an object without a fetch method.");
  }
  throw noEntry(unit, `The default export is ${entry === null ? "null" : `of type ${typeof entry}`}, not a function.`);
}

function missing(unit, names) {
  const text = unit.text;
  if (/\bmodule\s*\.\s*exports\b|\bexports\s*\.\s*\w+\s*=/.test(text))
    return `The module '${unit.name}' uses CommonJS (module.exports), which does not exist here. Write \`export default …\` instead of \`module.exports = …\`.`;
  if (/\)\s*\([^()]*\)\s*;?\s*$/.test(text))
    return `The module '${unit.name}' has no default export; it seems to call its function itself. Leave out the call: the function is called for you.`;
  if (names.length > 0)
    return `The module '${unit.name}' has no default export, only: ${names.slice(0, 10).join(", ")}.`;
  return `The module '${unit.name}' has no default export, so there is nothing to call.`;
}

// What can be seen without running anything: no default export, no run.
export function checkEntry(unit) {
  const { compiled } = unit;
  if (!compiled)
    throw noEntry(unit, `The entry module '${unit.name}' is of type ${unit.type}: there is nothing to run.`);
  const names = [...compiled.names, ...compiled.indirect.map((entry) => entry[0])];
  if (!names.includes("default")) throw noEntry(unit, missing(unit, names));
}

let fetchInvocation = () => {
  throw plainFailure("code.reserved", "fetch handlers are not available yet.");
};

export function setFetchInvocation(make) {
  fetchInvocation = make;
}
