// One run, from the job to its result or its error.
import { host } from "./host.js";
import { describe, isOutOfMemory } from "./errors/describe.js";
import { knowUnits, knowUnitsLater } from "./errors/place.js";
import { end, failRun, outcome, outdo, resetOutcome } from "./outcome.js";
import { plainFailure } from "./errors/failure.js";
import { checkEntry, invocationOf } from "./entry.js";
import { Linker, namespaceOf } from "./link/linker.js";
import { compileUnit, cachedQuick, loadUnits, makeUnits, saveQuick, saveSolo, saveUnits } from "./link/units.js";
import { normalize } from "./link/resolve.js";
import { quickCheck, quickScript } from "./link/quick.js";
import { strip } from "./link/typescript.js";
import { toJson } from "./result.js";
import { dropOperations } from "./operations.js";
import { dropTimers, limitTimers, nextDue, runNextDue } from "./timers.js";
import { startClockAndChance } from "./globals/misc.js";
import { restoreWebAssembly } from "./globals/wasm.js";
import {
  apply,
  bareArray,
  freeze,
  generatorNext,
  jsonParse,
  mapForEach,
  mapGet,
  NativeMap,
  NativeSyntaxError,
  promiseResolve,
  promiseThen,
  viewOf,
} from "./primordials.js";

let ended = false;
let background = null; // promises given to waitUntil
let turn = 0; // counts the runs: what an earlier one left behind must not end a later one
let kept = null; // what the module offers, for the runs that may follow

// The short way for one module of plain JavaScript that may be a code-mode function. Says false when it is not, or
// when the long way has to explain what is wrong with it; nothing of it has run then.
export function quick(name, source, input, timers) {
  const script = quickScript(source);
  if (script === undefined || !host.isSyntax(quickCheck(script))) return false;
  startClockAndChance();
  limitTimers(timers);
  knowUnitsLater(() => quickUnits(name, source));
  host.compiled(""); // nothing to cache: and from here on it could be the user's code that offers something
  let entry;
  try {
    entry = host.evaluate(script, name, 1);
  } catch (error) {
    if (error instanceof NativeSyntaxError) return false;
    failRun(error);
    return true;
  }
  try {
    if (typeof entry !== "function") refuseEntry(quickUnits(name, source));
    invoke({ __proto__: null, kind: "code-mode", call: entry }, input);
  } catch (error) {
    failRun(error);
  }
  return true;
}

// The short way for a module on its own whose code is known from an earlier run: see saveSolo().
export function solo(name, code, input, timers, source) {
  startClockAndChance();
  limitTimers(timers);
  knowUnitsLater(() => {
    const job = { main: name, modules: [{ name, type: "auto", source }], language: "", fences: false };
    const units = makeUnits(job);
    mapForEach(units, (unit) => compileUnit(unit, job));
    return units;
  });
  try {
    let getters;
    const body = host.evaluate(code, name, 1)(undefined, { exports: (given) => (getters = given) })();
    generatorNext(body); // its scope
    generatorNext(body); // its statements
    const namespace = { __proto__: null, default: getters.default() };
    const invocation = invocationOf(namespace, { name, text: source, compiled: { expression: false } });
    invoke(invocation, input);
  } catch (error) {
    failRun(error);
  }
}

// An expression that was no function has run already; it is not run again in search of a better reading of it.
function refuseEntry(units) {
  mapForEach(units, (unit) => {
    if (!unit.isMain) return;
    compileUnit(unit, { fences: false });
    if (unit.error) throw unit.error;
    checkEntry(unit);
  });
  throw plainFailure("code.no_entry", "The code is an expression, but its value is no function.");
}

function quickUnits(name, source) {
  const units = makeUnits({ main: name, modules: [{ name, type: "js", source }], language: "", fences: false });
  mapForEach(units, (unit) => (unit.quick = true));
  return units;
}

export function start(job) {
  startClockAndChance();
  limitTimers(job.timers);
  if (job.wasm) restoreWebAssembly();
  try {
    const units = makeUnits(job);
    knowUnits(units);
    const main = mapGet(units, normalize(job.main));
    if (!main)
      throw plainFailure(
        "code.module_not_found",
        `The artifact has no module named '${job.main}', which should be its entry.`,
      );
    const { input } = job;
    if (!startQuick(units, main, job, input)) startLinked(units, main, job, input);
  } catch (error) {
    failRun(error);
  }
}

function startQuick(units, main, job, input) {
  const script = job.compiled === undefined ? quickScriptOf(main) : cachedQuick(job.compiled);
  if (script === undefined || !host.isSyntax(quickCheck(script))) return false;
  // JavaScript needs no help to be as quick the next time; and nothing may be offered once user code could have run.
  if (job.compiled === undefined) host.compiled(main.type === "ts" ? saveQuick(script) : "");
  let entry;
  try {
    entry = host.evaluate(script, main.name, 1);
  } catch (error) {
    // The long way explains what is wrong, or finds that it is TypeScript.
    if (error instanceof NativeSyntaxError) return false;
    throw error;
  }
  main.quick = true;
  if (typeof entry !== "function") refuseEntry(units);
  invoke({ __proto__: null, kind: "code-mode", call: entry }, input);
  return true;
}

function quickScriptOf(unit) {
  if (unit.type === "js") return quickScript(unit.text);
  if (unit.type !== "ts" || quickScript(unit.text) === undefined) return undefined;
  try {
    return quickScript((unit.stripped = strip(unit.text)));
  } catch {
    return undefined;
  }
}

function startLinked(units, main, job, input) {
  if (job.compiled === undefined || !loadUnits(units, job.compiled)) {
    mapForEach(units, (unit) => compileUnit(unit, job));
    const saved = main.compiled ? (saveSolo(units, main, job) ?? saveUnits(units)) : undefined;
    host.compiled(saved ?? "");
  }
  if (main.error) throw main.error;
  checkEntry(main);
  const linker = new Linker(units, job);
  const { record, done } = linker.run(main.key);
  const proceed = () => invoke(invocationOf(namespaceOf(record), main), input);
  if (done === undefined) proceed();
  else promiseThen(promiseThen(done, proceed), undefined, (error) => failRun(error));
}

function invoke(invocation, text) {
  kept = invocation;
  const mine = ++turn;
  const input = text === undefined ? undefined : jsonParse(text);
  const value =
    invocation.kind === "code-mode"
      ? apply(invocation.call, undefined, [codeModeArgument(input)])
      : invocation.call(input, makeContext(), text);
  // Something that is no promise needs no turn of its own; thenables count as promises, as with `await`.
  if (value === null || (typeof value !== "object" && typeof value !== "function")) settle(value, invocation, mine);
  else
    promiseThen(
      promiseResolve(value),
      (result) => settle(result, invocation, mine),
      (error) => {
        if (mine === turn) failRun(error);
      },
    );
}

function codeModeArgument(input) {
  return { input, env: makeEnv(), ctx: makeContext() };
}

const makeEnv = () => freeze({});

class ExecutionContext {
  waitUntil(promise) {
    if (background === null) background = bareArray();
    const index = background.length;
    if (index >= 1000) throw plainFailure("code.limit", "waitUntil() was called more than 1000 times.");
    background[index] = promiseThen(promiseResolve(promise), undefined, (error) =>
      host.log(4, `waitUntil: ${describeShortly(error)}`, "[]"),
    );
  }

  passThroughOnException() {}
}
Object.defineProperty(ExecutionContext.prototype, Symbol.toStringTag, {
  value: "ExecutionContext",
  configurable: true,
});

const makeContext = () => new ExecutionContext();

function describeShortly(error) {
  return jsonParse(describe(error)).message;
}

function settle(value, invocation, mine) {
  const finish = () => {
    if (mine !== turn) return;
    if (invocation.result === undefined) {
      end({ __proto__: null, value });
      return;
    }
    try {
      const { value: plain, json } = invocation.result(value);
      end({ __proto__: null, value: plain, json });
    } catch (error) {
      failRun(error);
    }
  };
  waitForBackground(0, finish);
}

function waitForBackground(from, then) {
  if (background === null || from >= background.length) then();
  else promiseThen(background[from], () => waitForBackground(from + 1, then));
}

// The host calls this when the microtask queue is empty, and so it is here that the run can be over: a rejection
// that nobody handled has been reported by now.
export function next() {
  if (ended) return -1;
  if (outcome !== null) {
    report();
    return -1;
  }
  // A run that waits for nothing that could come is not ended here: the host says so to the node, whose wall-time
  // ceiling ends it.
  return nextDue();
}

export function timers() {
  if (outcome === null) runNextDue((error) => failRun(error));
}

export function rejected(promise, reason) {
  // It comes before the result it arrived with: the host reports rejections before it calls next().
  outdo(reason, "code.unhandled_rejection");
}

// Another run of what was run before, in the state that it left behind. Nothing that the earlier runs still waited
// for goes on: their timers and operations are forgotten.
export function again(input, timers) {
  ended = false;
  background = null;
  resetOutcome();
  dropTimers();
  dropOperations();
  startClockAndChance();
  limitTimers(timers);
  try {
    invoke(kept, input);
  } catch (error) {
    failRun(error);
  }
}

// Forgets a run that was only a rehearsal.
export function reset() {
  ended = false;
  background = null;
  kept = null;
  resetOutcome();
  knowUnits(new NativeMap());
}

function report() {
  ended = true;
  const { error, code } = outcome;
  if (!("value" in outcome)) {
    reportError(error, code);
    return;
  }
  const { value, json } = outcome;
  if (json !== undefined) {
    host.result(0, json);
    return;
  }
  let bytes, text;
  try {
    bytes = viewOf(value);
    if (bytes === undefined) text = toJson(value);
  } catch (failure) {
    reportError(failure);
    return;
  }
  if (bytes !== undefined) host.result(2, bytes);
  else host.result(0, text);
}

function reportError(error, code) {
  const text = describe(error, code);
  if (isOutOfMemory(error)) host.exhausted(text);
  else host.fail(text);
}
