// structuredClone (HTML, section 2.7), within one realm: serialization and deserialization in one walk.
import { isDOMException, DOMException } from "./dom-exception.js";
import { defineFunctions, requireArguments } from "./idl.js";
import {
  attempt,
  bigintValueOf,
  booleanValueOf,
  bufferByteLength,
  Bytes,
  bufferDetached,
  bufferMaxByteLength,
  bufferResizable,
  bufferTransfer,
  dataViewBuffer,
  dataViewByteLength,
  dataViewByteOffset,
  dateGetTime,
  defineProperty,
  getOwnPropertyDescriptor,
  hasOwn,
  isArray,
  isArrayBuffer,
  isErrorNative,
  isView,
  mapForEach,
  mapGet,
  mapHas,
  mapSet,
  mapSize,
  NativeArrayBuffer,
  NativeDate,
  NativeMap,
  NativeSet,
  numberValueOf,
  objectKeys,
  reflectGet,
  regexpFlags,
  regexpSource,
  setAdd,
  setForEach,
  setHas,
  setSize,
  stringSlice,
  stringValueOf,
  symbolToString,
  toStr,
  typedArrayBuffer,
  typedArrayByteLength,
  typedArrayByteOffset,
  typedArrayLength,
  typedArrayName,
  typedArraySet,
} from "../primordials.js";
import { host } from "../host.js";

const MAX_DEPTH = 2000;
const errorTypes = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
const views = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array: globalThis.Float16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
};
const NativeRegExp = RegExp;
const NativeDataView = DataView;
const boxes = [
  [booleanValueOf, Object],
  [numberValueOf, Object],
  [stringValueOf, Object],
  [bigintValueOf, Object],
];

function fail(value) {
  const shown =
    typeof value === "symbol"
      ? symbolToString(value)
      : typeof value === "function"
        ? "A function"
        : "An object of this kind";
  throw new DOMException(`${stringSlice(shown, 0, 100)} could not be cloned.`, "DataCloneError");
}

export function clone(value, transferList = []) {
  const memory = new NativeMap();
  const transferred = new NativeMap();
  for (let i = 0; i < transferList.length; i++) {
    const item = transferList[i];
    if (!isArrayBuffer(item)) throw new DOMException("Only ArrayBuffers can be transferred.", "DataCloneError");
    if (mapHas(transferred, item))
      throw new DOMException("An ArrayBuffer is twice in the transfer list.", "DataCloneError");
    mapSet(transferred, item, true);
  }
  mapForEach(transferred, (_, buffer) => {
    // What happens to its bytes is seen when everything else has been cloned without an error.
    if (bufferDetached(buffer))
      throw new DOMException("An ArrayBuffer in the transfer list is detached.", "DataCloneError");
  });
  // Placeholders of the same size, whose content comes last.
  const pending = { transferred, holders: new NativeMap(), views: [] };
  const result = walk(value, memory, pending, 0);
  if (transferList.length === 0) return result;
  return finishTransfer(value, result, pending, memory);
}

// With a transfer the clone is made a second time, now that nothing can fail any more.
function finishTransfer(value, _, pending) {
  const moved = new NativeMap();
  mapForEach(pending.transferred, (__, buffer) => mapSet(moved, buffer, null));
  // Views have to be described before their buffer is detached.
  const described = new NativeMap();
  describeViews(value, moved, described, new NativeSet(), 0);
  mapForEach(pending.transferred, (__, buffer) => mapSet(moved, buffer, bufferTransfer(buffer)));
  const memory = new NativeMap();
  mapForEach(moved, (to, from) => mapSet(memory, from, to));
  mapForEach(described, (make, view) => mapSet(memory, view, make(mapGet(moved, make.buffer))));
  return walk(value, memory, { transferred: new NativeMap() }, 0);
}

function describeViews(value, moved, described, seen, depth) {
  if (typeof value !== "object" || value === null || setHas(seen, value) || depth > MAX_DEPTH) return;
  setAdd(seen, value);
  if (isView(value)) {
    const name = typedArrayName(value);
    const buffer = name === undefined ? dataViewBuffer(value) : typedArrayBuffer(value);
    if (!mapHas(moved, buffer)) return;
    const offset = name === undefined ? dataViewByteOffset(value) : typedArrayByteOffset(value);
    const length = name === undefined ? dataViewByteLength(value) : typedArrayLength(value);
    const make = (to) => new (name === undefined ? NativeDataView : views[name])(to, offset, length);
    make.buffer = buffer;
    mapSet(described, value, make);
    return;
  }
  if (attempt(() => mapSize(value), -1) >= 0)
    mapForEach(value, (item, key) => {
      describeViews(key, moved, described, seen, depth + 1);
      describeViews(item, moved, described, seen, depth + 1);
    });
  else if (attempt(() => setSize(value), -1) >= 0)
    setForEach(value, (item) => describeViews(item, moved, described, seen, depth + 1));
  const keys = objectKeys(value);
  for (let i = 0; i < keys.length; i++)
    describeViews(getOwnPropertyDescriptor(value, keys[i])?.value, moved, described, seen, depth + 1);
}

function walk(value, memory, pending, depth) {
  if (value === null || (typeof value !== "object" && typeof value !== "function"))
    return typeof value === "symbol" ? fail(value) : value;
  if (mapHas(memory, value)) return mapGet(memory, value);
  if (typeof value === "function") fail(value);
  if (depth > MAX_DEPTH)
    throw new DOMException(`The value is nested more than ${MAX_DEPTH} levels deep.`, "DataCloneError");
  const remember = (copy) => {
    mapSet(memory, value, copy);
    return copy;
  };
  const inner = (item) => walk(item, memory, pending, depth + 1);
  if (host.proxyTarget?.(value) !== undefined && value !== globalThis) fail(value);

  for (let i = 0; i < boxes.length; i++) {
    const primitive = attempt(() => boxes[i][0](value));
    if (primitive !== undefined) return remember(Object(primitive));
  }
  const time = attempt(() => dateGetTime(value));
  if (time !== undefined) return remember(new NativeDate(time));
  if (value !== NativeRegExp.prototype) {
    const source = attempt(() => regexpSource(value));
    if (source !== undefined) return remember(new NativeRegExp(source, regexpFlags(value)));
  }
  if (isArrayBuffer(value)) return remember(cloneBuffer(value));
  if (isView(value)) return remember(cloneView(value, inner));
  if (attempt(() => mapSize(value), -1) >= 0) return cloneMap(value, remember, inner);
  if (attempt(() => setSize(value), -1) >= 0) return cloneSet(value, remember, inner);
  if (isDOMException(value)) return remember(new DOMException(value.message, value.name));
  if (isErrorNative(value)) return cloneError(value, remember, inner);
  if (isArray(value)) {
    const copy = remember([]);
    defineProperty(copy, "length", { value: value.length });
    return members(value, copy, inner);
  }
  if (isPlatformObject(value)) fail(value);
  return members(value, remember({}), inner);
}

function members(from, to, inner) {
  const keys = objectKeys(from);
  for (let i = 0; i < keys.length; i++) {
    // A getter that ran before may have removed it.
    if (!hasOwn(from, keys[i])) continue;
    defineProperty(to, keys[i], {
      value: inner(reflectGet(from, keys[i])),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return to;
}

function cloneBuffer(buffer) {
  if (bufferDetached(buffer)) throw new DOMException("A detached ArrayBuffer could not be cloned.", "DataCloneError");
  const length = bufferByteLength(buffer);
  const copy = bufferResizable(buffer)
    ? new NativeArrayBuffer(length, { maxByteLength: bufferMaxByteLength(buffer) })
    : new NativeArrayBuffer(length);
  // Not slice(), which asks Symbol.species.
  typedArraySet(new Bytes(copy), new Bytes(buffer));
  return copy;
}

function cloneView(view, inner) {
  const name = typedArrayName(view);
  const buffer = name === undefined ? dataViewBuffer(view) : typedArrayBuffer(view);
  if (bufferDetached(buffer))
    throw new DOMException("A view of a detached ArrayBuffer could not be cloned.", "DataCloneError");
  const copy = inner(buffer);
  if (name === undefined) return new NativeDataView(copy, dataViewByteOffset(view), dataViewByteLength(view));
  void typedArrayByteLength;
  return new views[name](copy, typedArrayByteOffset(view), typedArrayLength(view));
}

function cloneMap(value, remember, inner) {
  const copy = remember(new NativeMap());
  const entries = [];
  mapForEach(value, (item, key) => entries.push(key, item));
  for (let i = 0; i < entries.length; i += 2) mapSet(copy, inner(entries[i]), inner(entries[i + 1]));
  return copy;
}

function cloneSet(value, remember, inner) {
  const copy = remember(new NativeSet());
  const items = [];
  setForEach(value, (item) => items.push(item));
  for (let i = 0; i < items.length; i++) setAdd(copy, inner(items[i]));
  return copy;
}

function cloneError(error, remember, inner) {
  const name = reflectGet(error, "name");
  const Type = errorTypes[typeof name === "string" && hasOwn(errorTypes, name) ? name : "Error"];
  const message = getOwnPropertyDescriptor(error, "message");
  const copy = remember(new Type());
  const hidden = (key, item) =>
    defineProperty(copy, key, { value: item, writable: true, enumerable: false, configurable: true });
  if (message && hasOwn(message, "value")) hidden("message", toStr(message.value));
  const stack = getOwnPropertyDescriptor(error, "stack")?.value;
  hidden("stack", typeof stack === "string" ? stack : "");
  if (hasOwn(error, "cause")) hidden("cause", inner(reflectGet(error, "cause")));
  return copy;
}

// Kinds with internal state that is not cloned: they would come out as {}.
const refused = [WeakMap.prototype, WeakSet.prototype, Promise.prototype];
const refusedTests = [];
export const refuseToClone = (test) => refusedTests.push(test);

function isPlatformObject(value) {
  for (let i = 0; i < refused.length; i++)
    if (attempt(() => Object.prototype.isPrototypeOf.call(refused[i], value), false)) return true;
  for (let i = 0; i < refusedTests.length; i++) if (refusedTests[i](value)) return true;
  return false;
}

export function installStructuredClone() {
  defineFunctions({
    structuredClone(value, options = undefined) {
      requireArguments(1, arguments.length, "structuredClone");
      const transfer =
        options === undefined || options === null || options.transfer === undefined ? [] : [...options.transfer];
      return clone(value, transfer);
    },
  });
}
