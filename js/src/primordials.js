// What the engine offers, taken before any user code has run. Everything of ours that can run after user code
// uses these and never a method looked up on a prototype, because user code may have replaced it.

const {
  apply,
  construct,
  defineProperty: define,
  deleteProperty,
  get,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  ownKeys,
} = Reflect;
export { apply, construct, deleteProperty, get as reflectGet, getOwnPropertyDescriptor, getPrototypeOf, ownKeys };

// A descriptor without a prototype: else `Object.prototype.get`, set by user code, would count as part of it.
const { setPrototypeOf: strip } = Object;
export const defineProperty = (object, key, descriptor) => define(object, key, strip(descriptor, null));

const { call } = Function.prototype;
export const uncurry = (method) => call.bind(method);
// Missing only where the unit tests run, in an older engine.
const getter = (object, key) => uncurry(getOwnPropertyDescriptor(object, key)?.get);

export const { create, freeze, setPrototypeOf, preventExtensions, keys: objectKeys } = Object;
export const hasOwn = Object.hasOwn;
export const objectToString = uncurry(Object.prototype.toString);
export const functionToString = uncurry(Function.prototype.toString);
export const functionHasInstance = uncurry(Function.prototype[Symbol.hasInstance]);
export const isArray = Array.isArray;
export const arraySort = uncurry(Array.prototype.sort);
export const arrayJoin = uncurry(Array.prototype.join);

export const stringSlice = uncurry(String.prototype.slice);
export const stringIndexOf = uncurry(String.prototype.indexOf);
export const stringLastIndexOf = uncurry(String.prototype.lastIndexOf);
export const stringIncludes = uncurry(String.prototype.includes);
export const stringStartsWith = uncurry(String.prototype.startsWith);
export const stringEndsWith = uncurry(String.prototype.endsWith);
export const charCodeAt = uncurry(String.prototype.charCodeAt);
export const codePointAt = uncurry(String.prototype.codePointAt);
export const stringRepeat = uncurry(String.prototype.repeat);
export const stringTrim = uncurry(String.prototype.trim);
export const toLowerCase = uncurry(String.prototype.toLowerCase);
export const toUpperCase = uncurry(String.prototype.toUpperCase);
export const padStart = uncurry(String.prototype.padStart);
export const padEnd = uncurry(String.prototype.padEnd);
export const isWellFormed = uncurry(String.prototype.isWellFormed);
export const toWellFormed = uncurry(String.prototype.toWellFormed);
export const fromCharCode = String.fromCharCode;
export const fromCodePoint = String.fromCodePoint;
export const toStr = String;
export const toNum = Number;
export const toInt = Math.trunc;
export const { isInteger, isSafeInteger, isFinite, isNaN, MAX_SAFE_INTEGER } = Number;
export const numberToString = uncurry(Number.prototype.toString);
export const bigintToString = uncurry(BigInt.prototype.toString);
export const symbolToString = uncurry(Symbol.prototype.toString);
export const symbolDescription = getter(Symbol.prototype, "description");
export const booleanValueOf = uncurry(Boolean.prototype.valueOf);
export const numberValueOf = uncurry(Number.prototype.valueOf);
export const stringValueOf = uncurry(String.prototype.valueOf);
export const symbolValueOf = uncurry(Symbol.prototype.valueOf);
export const bigintValueOf = uncurry(BigInt.prototype.valueOf);
export const { min, max, floor, abs } = Math;

export const NativeMap = Map;
export const mapGet = uncurry(Map.prototype.get);
export const mapSet = uncurry(Map.prototype.set);
export const mapHas = uncurry(Map.prototype.has);
export const mapClear = uncurry(Map.prototype.clear);
export const mapDelete = uncurry(Map.prototype.delete);
export const mapForEach = uncurry(Map.prototype.forEach);
export const mapSize = getter(Map.prototype, "size");
export const NativeSet = Set;
export const setAdd = uncurry(Set.prototype.add);
export const setHas = uncurry(Set.prototype.has);
export const setDelete = uncurry(Set.prototype.delete);
export const setForEach = uncurry(Set.prototype.forEach);
export const setSize = getter(Set.prototype, "size");
export const NativeWeakMap = WeakMap;
export const weakGet = uncurry(WeakMap.prototype.get);
export const weakSet = uncurry(WeakMap.prototype.set);
export const weakHas = uncurry(WeakMap.prototype.has);
export const weakSetHas = uncurry(WeakSet.prototype.has);

export const NativeDate = Date;
export const now = Date.now;
export const dateGetTime = uncurry(Date.prototype.getTime);
export const dateToISOString = uncurry(Date.prototype.toISOString);
export const regexpSource = getter(RegExp.prototype, "source");
export const regexpFlags = getter(RegExp.prototype, "flags");
const regexpExec = uncurry(RegExp.prototype.exec);
// Unlike test(), which calls whatever `exec` it finds.
export const matches = (regexp, text) => regexpExec(regexp, text) !== null;
export const regexpToString = uncurry(RegExp.prototype.toString);
export const jsonParse = JSON.parse;
const { stringify } = JSON;
// Of strings only: they are the one kind of value for which JSON.stringify looks at nothing else.
export const quote = (string) => stringify(string);

export const NativePromise = Promise;
export const promiseThen = uncurry(Promise.prototype.then);
const { resolve } = Promise;
export const promiseResolve = (value) => apply(resolve, NativePromise, [value]);
export const generatorNext = uncurry(getPrototypeOf(function* () {}).prototype.next);
export const asyncGeneratorNext = uncurry(getPrototypeOf(async function* () {}).prototype.next);

export const NativeArrayBuffer = ArrayBuffer;
export const bufferByteLength = getter(ArrayBuffer.prototype, "byteLength");
export const bufferSlice = uncurry(ArrayBuffer.prototype.slice);
export const bufferDetached = getter(ArrayBuffer.prototype, "detached");
export const bufferResizable = getter(ArrayBuffer.prototype, "resizable");
export const bufferMaxByteLength = getter(ArrayBuffer.prototype, "maxByteLength");
export const bufferTransfer = uncurry(ArrayBuffer.prototype.transfer);
export const isView = ArrayBuffer.isView;
const TypedArray = getPrototypeOf(Uint8Array);
export const typedArrayName = getter(TypedArray.prototype, Symbol.toStringTag);
export const typedArrayBuffer = getter(TypedArray.prototype, "buffer");
export const typedArrayByteLength = getter(TypedArray.prototype, "byteLength");
export const typedArrayByteOffset = getter(TypedArray.prototype, "byteOffset");
export const typedArrayLength = getter(TypedArray.prototype, "length");
export const typedArraySet = uncurry(TypedArray.prototype.set);
export const typedArraySlice = uncurry(TypedArray.prototype.slice);
export const typedArraySubarray = uncurry(TypedArray.prototype.subarray);
export const dataViewBuffer = getter(DataView.prototype, "buffer");
export const dataViewByteLength = getter(DataView.prototype, "byteLength");
export const dataViewByteOffset = getter(DataView.prototype, "byteOffset");
export const Bytes = Uint8Array;
export const toBase64 = uncurry(Uint8Array.prototype.toBase64);
const { fromBase64 } = Uint8Array;
export const base64ToBytes = (text) => apply(fromBase64, Bytes, [text]);

export const NativeError = Error;
export const NativeTypeError = TypeError;
export const NativeRangeError = RangeError;
export const NativeSyntaxError = SyntaxError;
export const NativeReferenceError = ReferenceError;
export const NativeAggregateError = AggregateError;
export const isErrorNative = Error.isError ?? ((value) => value instanceof NativeError);

// A copy that does not ask Symbol.species, as slice() does.
export function copyBytes(view) {
  const copy = new Bytes(typedArrayLength(view));
  typedArraySet(copy, view);
  return copy;
}

// An array on which index assignment cannot meet a setter planted on Array.prototype or Object.prototype.
export const bareArray = () => setPrototypeOf([], null);

export function attempt(fn, fallback) {
  try {
    return fn();
  } catch {
    return fallback;
  }
}

// The bytes a BufferSource stands for, without a copy. Undefined when `value` is not one.
export function viewOf(value) {
  if (typeof value !== "object" || value === null) return undefined;
  if (isView(value)) {
    const name = typedArrayName(value);
    return name === undefined
      ? new Bytes(dataViewBuffer(value), dataViewByteOffset(value), dataViewByteLength(value))
      : new Bytes(typedArrayBuffer(value), typedArrayByteOffset(value), typedArrayByteLength(value));
  }
  return isArrayBuffer(value) ? new Bytes(value) : undefined;
}

export function isArrayBuffer(value) {
  try {
    bufferByteLength(value);
    return true;
  } catch {
    return false;
  }
}
