// Arguments of a log call as JSON text for machines. Bounded, and without running anything of the user's.
import {
  attempt,
  bareArray,
  dateToISOString,
  getOwnPropertyDescriptor,
  hasOwn,
  isArray,
  isErrorNative,
  isFinite,
  mapForEach,
  mapSize,
  objectKeys,
  ownKeys,
  quote,
  setForEach,
  setSize,
  stringSlice,
  symbolToString,
  toStr,
  typedArrayLength,
} from "../primordials.js";
import { className, inspect } from "./inspect.js";
import { host } from "../host.js";

const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
const MAX_STRING = 4096;
const MAX_OUTPUT = 32 * 1024;

export function dataOf(args) {
  const context = { left: MAX_OUTPUT, seen: bareArray() };
  let text = "[";
  for (let i = 0; i < args.length && i < MAX_ITEMS; i++)
    text += (i === 0 ? "" : ",") + attempt(() => write(context, args[i]), "null");
  return `${text}]`;
}

const short = (text) => quote(text.length > MAX_STRING ? `${stringSlice(text, 0, MAX_STRING)}…` : text);

function spend(context, text) {
  context.left -= text.length;
  return text;
}

function write(context, value) {
  if (context.left <= 0) return '"…"';
  switch (typeof value) {
    case "string":
      return spend(context, short(value));
    case "number":
      return spend(context, isFinite(value) ? toStr(value) : `"${value}"`);
    case "boolean":
      return spend(context, toStr(value));
    case "undefined":
      return spend(context, "null");
    case "bigint":
      return spend(context, short(inspect(value)));
    case "symbol":
      return spend(context, short(symbolToString(value)));
    case "function":
      return spend(context, short(inspect(value, { depth: 0 })));
  }
  if (value === null) return spend(context, "null");
  let object = value;
  for (let i = 0; i < 100; i++) {
    const target = host.proxyTarget?.(object);
    if (target === undefined) break;
    if (target === null) return spend(context, '"<Revoked Proxy>"');
    object = target;
  }
  for (let i = 0; i < context.seen.length; i++) if (context.seen[i] === object) return spend(context, '"[Circular]"');
  if (context.seen.length >= MAX_DEPTH) return spend(context, short(`[${className(object) ?? "Object"}]`));
  context.seen[context.seen.length] = object;
  const text = writeObject(context, object);
  context.seen.length--;
  return spend(context, text);
}

function writeObject(context, object) {
  if (isErrorNative(object)) return short(inspect(object));
  const iso = attempt(() => dateToISOString(object));
  if (iso !== undefined) return quote(iso);
  if (isArray(object)) return writeList(context, object, object.length);
  const typed = attempt(() => typedArrayLength(object));
  if (typed !== undefined) return writeList(context, object, typed);
  if (attempt(() => mapSize(object), -1) >= 0) {
    let text = "";
    let count = 0;
    mapForEach(object, (value, key) => {
      if (count++ < MAX_ITEMS && context.left > 0)
        text += `${text === "" ? "" : ","}[${write(context, key)},${write(context, value)}]`;
    });
    return `[${text}]`;
  }
  if (attempt(() => setSize(object), -1) >= 0) {
    let text = "";
    let count = 0;
    setForEach(object, (value) => {
      if (count++ < MAX_ITEMS && context.left > 0) text += `${text === "" ? "" : ","}${write(context, value)}`;
    });
    return `[${text}]`;
  }
  const keys = attempt(() => objectKeys(object)) ?? ownKeys(object);
  if (keys.length === 0) {
    // Interfaces of the platform keep their state elsewhere; show them as people see them.
    const name = className(object);
    if (name !== "Object" && name !== null) return short(inspect(object, { depth: 1, budget: MAX_STRING }));
  }
  let text = "";
  for (let i = 0; i < keys.length && i < MAX_ITEMS && context.left > 0; i++) {
    const descriptor = getOwnPropertyDescriptor(object, keys[i]);
    if (!descriptor) continue;
    const json = hasOwn(descriptor, "value") ? write(context, descriptor.value) : '"[Getter]"';
    text += `${text === "" ? "" : ","}${short(keys[i])}:${json}`;
  }
  return `{${text}}`;
}

function writeList(context, list, length) {
  let text = "";
  for (let i = 0; i < length && i < MAX_ITEMS && context.left > 0; i++) {
    const descriptor = getOwnPropertyDescriptor(list, i);
    text += `${i === 0 ? "" : ","}${descriptor ? (hasOwn(descriptor, "value") ? write(context, descriptor.value) : '"[Getter]"') : "null"}`;
  }
  return `[${text}]`;
}
