// The value of a run as JSON text. Unlike JSON.stringify it never leaves anything out silently: what JSON cannot
// say is an error that names the place and the remedy. It runs on values that user code prepared, so it reads
// every property once, through primordials, and does not care what user code did to the prototypes.
import {
  attempt,
  bigintToString,
  bareArray,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  hasOwn,
  isArray,
  isFinite,
  numberValueOf,
  objectKeys,
  ownKeys,
  quote,
  reflectGet,
  apply,
  stringSlice,
  stringValueOf,
  booleanValueOf,
  mapSize,
  setSize,
  symbolToString,
  toStr,
  viewOf,
  typedArrayName,
  isErrorNative,
} from "./primordials.js";
import { plainFailure } from "./errors/failure.js";

const MAX_DEPTH = 500;
const MAX_PATH = 200;

class Unserializable {
  constructor(message, remedy) {
    this.message = message;
    this.remedy = remedy;
  }
}

const refuse = (what, remedy) => {
  throw new Unserializable(what, remedy);
};

// Throws an Error with the code result.unserializable.
export function toJson(value) {
  const path = bareArray();
  const trail = bareArray();
  try {
    return write(value, path, trail, "") ?? "null";
  } catch (error) {
    if (!(error instanceof Unserializable)) throw error;
    throw plainFailure(
      "result.unserializable",
      `The result cannot be returned as JSON: ${error.message} at ${printPath(path)}. ${error.remedy}`,
    );
  }
}

function write(value, path, trail, key) {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      return isFinite(value) ? toStr(value) : refuse(`${value}`, "JSON has no such number: return null or a string.");
    case "boolean":
      return value ? "true" : "false";
    case "undefined":
      return undefined;
    case "bigint":
      return refuse(
        `a BigInt (${stringSlice(bigintToString(value), 0, 40)}n)`,
        "Return String(value), or Number(value) if it is small enough.",
      );
    case "symbol":
      return refuse(`a symbol (${stringSlice(symbolToString(value), 0, 60)})`, "Return a string.");
    case "function":
      return refuse("a function", "Return data only; call the function and return what it gives.");
  }
  if (value === null) return "null";
  return writeObject(value, path, trail, key);
}

function writeObject(object, path, trail, key) {
  const toJSON = read(object, "toJSON");
  if (typeof toJSON === "function") {
    let replaced;
    try {
      replaced = apply(toJSON, object, [key]);
    } catch (error) {
      refuse(`toJSON() threw ${explain(error)}`, "Correct toJSON(), or return plain data.");
    }
    if (replaced !== object) {
      if (typeof replaced !== "object" || replaced === null) return write(replaced, path, trail, key);
      object = replaced;
    }
  }
  for (let i = 0; i < trail.length; i++)
    if (trail[i] === object)
      refuse(`a cycle (the same object as ${printPath(path, i)})`, "Return the data without the reference back.");
  if (trail.length >= MAX_DEPTH) refuse(`more than ${MAX_DEPTH} levels of nesting`, "Return flatter data.");
  trail[trail.length] = object;
  const text = attemptArray(object)
    ? writeArray(object, path, trail)
    : writeMembers(isPlain(object) ? object : unwrap(object), object, path, trail);
  trail.length--;
  return text;
}

function attemptArray(object) {
  try {
    return isArray(object);
  } catch {
    return refuse("a revoked Proxy", "Return plain data.");
  }
}

// Most results are made of these, and what unwrap() asks is dear.
function isPlain(object) {
  try {
    return getPrototypeOf(object) === ObjectPrototype && objectKeys(object).length > 0;
  } catch {
    return false;
  }
}

// Boxed primitives print as what they hold; kinds of object that JSON would print as {} are refused.
function unwrap(object) {
  for (let i = 0; i < boxes.length; i++) {
    const value = attempt(() => boxes[i](object), undefined);
    if (value !== undefined) return value;
  }
  if (attempt(() => mapSize(object), -1) >= 0) refuse("a Map", "Return Object.fromEntries(map) or [...map].");
  if (attempt(() => setSize(object), -1) >= 0) refuse("a Set", "Return [...set].");
  if (isPromise(object)) refuse("a promise", "Await it before returning it.");
  const bytes = viewOf(object);
  if (bytes) {
    const name = attempt(() => typedArrayName(object)) ?? "an ArrayBuffer";
    refuse(
      `binary data (${name})`,
      "Return it alone to get bytes, or a string such as bytes.toBase64(), or Array.from(bytes).",
    );
  }
  if (isErrorNative(object) && objectKeys(object).length === 0)
    refuse("an Error", "Return {name: error.name, message: error.message}, or throw it.");
  const name = platformName(object);
  if (name !== undefined)
    refuse(
      `a ${name} object`,
      name === "Response" ? "Return await response.json() or .text()." : "Return plain data made from it.",
    );
  if (isRegExp(object)) refuse("a RegExp", "Return its source as a string.");
  return object;
}

// Kinds whose content is not in properties: written as an object they would be {}.
const hollow = [
  [WeakMap.prototype, "WeakMap"],
  [WeakSet.prototype, "WeakSet"],
  [getPrototypeOf(getPrototypeOf(getPrototypeOf((function* () {})()))), "iterator"],
  [getPrototypeOf(getPrototypeOf(getPrototypeOf((async function* () {})()))), "async iterator"],
];
const tests = [];
export const refuseAsResult = (test, name) => tests.push([test, name]);

function platformName(object) {
  for (let i = 0; i < tests.length; i++) if (tests[i][0](object)) return tests[i][1];
  let at = attempt(() => getPrototypeOf(object), null);
  for (let depth = 0; at !== null && depth < 10; depth++) {
    for (let i = 0; i < hollow.length; i++) if (hollow[i][0] === at) return hollow[i][1];
    const from = at;
    at = attempt(() => getPrototypeOf(from), null);
  }
  return undefined;
}

const ObjectPrototype = Object.prototype;
const boxes = [stringValueOf, numberValueOf, booleanValueOf];
const promiseTag = Promise.prototype;
const regexpTag = RegExp.prototype;
const isPromise = (object) => attempt(() => getPrototypeOf(object) === promiseTag, false);
const isRegExp = (object) => attempt(() => getPrototypeOf(object) === regexpTag, false);

function writeArray(array, path, trail) {
  const { length } = array;
  if (length === 0) return "[]";
  const depth = path.length;
  let text = "[";
  for (let i = 0; i < length; i++) {
    path[depth] = i;
    const item = read(array, i);
    if (item === undefined && !hasOwn(array, i)) refuse("a hole in an array", "Fill it, for example with null.");
    if (i > 0) text += ",";
    text += item === undefined ? "null" : (write(item, path, trail, toStr(i)) ?? "null");
  }
  path.length = depth;
  return `${text}]`;
}

function writeMembers(value, object, path, trail) {
  if (typeof value !== "object") return write(value, path, trail, "");
  const depth = path.length;
  let keys;
  try {
    keys = objectKeys(object);
    const all = ownKeys(object);
    for (let i = keys.length; i < all.length; i++)
      if (typeof all[i] === "symbol" && getOwnPropertyDescriptor(object, all[i])?.enumerable) {
        path[depth] = symbolToString(all[i]);
        refuse("a property named by a symbol", "Name it by a string.");
      }
  } catch (error) {
    if (error instanceof Unserializable) throw error;
    refuse(`an object that threw ${explain(error)} when its properties were listed`, "Return plain data.");
  }
  let text = "{";
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    path[depth] = key;
    const json = write(read(object, key), path, trail, key);
    // As with JSON.stringify: a property that is undefined is a property that is absent.
    if (json !== undefined) text += `${text.length > 1 ? "," : ""}${quote(key)}:${json}`;
  }
  path.length = depth;
  return `${text}}`;
}

function read(object, key) {
  try {
    return reflectGet(object, key);
  } catch (error) {
    return refuse(
      `the property "${toStr(key)}", which threw ${explain(error)} when it was read,`,
      "Return plain data.",
    );
  }
}

function explain(error) {
  try {
    if (isErrorNative(error)) return `"${stringSlice(toStr(error.message), 0, 200)}"`;
    return typeof error === "string" ? `"${stringSlice(error, 0, 200)}"` : `a value of type ${typeof error}`;
  } catch {
    return "an error";
  }
}

function isName(key) {
  for (let i = 0; i < key.length; i++) {
    const c = key[i];
    if (!(
      (c >= "a" && c <= "z") ||
      (c >= "A" && c <= "Z") ||
      c === "_" ||
      c === "$" ||
      (i > 0 && c >= "0" && c <= "9")
    ))
      return false;
  }
  return key.length > 0;
}

export function printPath(path, length = path.length) {
  let text = "$";
  for (let i = 0; i < length && i < path.length; i++) {
    const key = path[i];
    if (text.length > MAX_PATH) return `${text}…`;
    const shown = typeof key === "string" ? stringSlice(key, 0, 80) : key;
    text += typeof key === "number" ? `[${key}]` : isName(shown) ? `.${shown}` : `[${quote(shown)}]`;
  }
  return text;
}
