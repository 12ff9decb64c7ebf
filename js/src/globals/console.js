// console (Console Standard), without what makes no sense where there is no screen.
import { dataOf } from "../inspect/data.js";
import { formatArguments } from "../inspect/format.js";
import { inspect } from "../inspect/inspect.js";
import { tableText } from "../inspect/table.js";
import { formatFrames, framesOf } from "../errors/stack.js";
import { host } from "../host.js";
import { defineGlobal } from "./idl.js";
import {
  defineProperty,
  mapDelete,
  mapGet,
  mapSet,
  mapSize,
  NativeError,
  NativeMap,
  now,
  stringIndexOf,
  stringRepeat,
  stringSlice,
  toStr,
} from "../primordials.js";

const [DEBUG, LOG, INFO, WARN, ERROR] = [0, 1, 2, 3, 4];
const MAX_LABELS = 1000;
const MAX_GROUPS = 40;

let groups = 0;
const counts = new NativeMap();
const started = new NativeMap();

function indented(text) {
  if (groups === 0) return text;
  const indent = stringRepeat("  ", groups);
  let result = indent;
  let from = 0;
  for (let at = stringIndexOf(text, "\n"); at >= 0; at = stringIndexOf(text, "\n", from)) {
    result += stringSlice(text, from, at + 1) + indent;
    from = at + 1;
  }
  return result + stringSlice(text, from);
}

function emit(level, text, args) {
  host.log(level, indented(text), dataOf(args));
}

const write = (level, args) => emit(level, formatArguments(args), args);
const labelOf = (label) => (label === undefined ? "default" : `${label}`);

const methods = {
  debug(...args) {
    write(DEBUG, args);
  },
  log(...args) {
    write(LOG, args);
  },
  info(...args) {
    write(INFO, args);
  },
  warn(...args) {
    write(WARN, args);
  },
  error(...args) {
    write(ERROR, args);
  },
  trace(...args) {
    const frames = formatFrames(framesOf(new NativeError().stack));
    const text = formatArguments(args);
    emit(DEBUG, `Trace${text === "" ? "" : `: ${text}`}${frames === "" ? "" : `\n${frames}`}`, args);
  },
  assert(condition = false, ...args) {
    if (condition) return;
    const text = formatArguments(args);
    emit(ERROR, `Assertion failed${text === "" ? "" : `: ${text}`}`, args);
  },
  dir(item = undefined) {
    emit(LOG, inspect(item, { depth: 4 }), [item]);
  },
  dirxml(...args) {
    write(LOG, args);
  },
  table(data = undefined, columns = undefined) {
    emit(LOG, tableText(data, columns) ?? formatArguments([data]), [data]);
  },
  group(...args) {
    if (args.length > 0) write(LOG, args);
    if (groups < MAX_GROUPS) groups++;
  },
  groupCollapsed(...args) {
    methods.group(...args);
  },
  groupEnd() {
    if (groups > 0) groups--;
  },
  count(label = "default") {
    const key = labelOf(label);
    const count = (mapGet(counts, key) ?? 0) + 1;
    if (mapSize(counts) < MAX_LABELS || count > 1) mapSet(counts, key, count);
    emit(INFO, `${key}: ${count}`, [key, count]);
  },
  countReset(label = "default") {
    const key = labelOf(label);
    if (!mapDelete(counts, key)) emit(WARN, `Count for '${key}' does not exist`, [key]);
  },
  time(label = "default") {
    const key = labelOf(label);
    if (mapGet(started, key) !== undefined) emit(WARN, `Timer '${key}' already exists`, [key]);
    else if (mapSize(started) < MAX_LABELS) mapSet(started, key, now());
  },
  timeLog(label = "default", ...args) {
    elapsed(labelOf(label), args);
  },
  timeEnd(label = "default") {
    const key = labelOf(label);
    elapsed(key, []);
    mapDelete(started, key);
  },
  clear() {
    groups = 0;
  },
};

function elapsed(key, args) {
  const from = mapGet(started, key);
  if (from === undefined) emit(WARN, `Timer '${key}' does not exist`, [key]);
  else
    emit(INFO, `${key}: ${toStr(now() - from)}ms${args.length === 0 ? "" : ` ${formatArguments(args)}`}`, [
      key,
      now() - from,
    ]);
}

export function installConsole() {
  // Console Standard, section 1: a namespace object whose prototype is an empty object.
  const console = Object.create({});
  for (const name in methods)
    defineProperty(console, name, { value: methods[name], writable: true, enumerable: true, configurable: true });
  defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });
  defineGlobal("console", console);
}
