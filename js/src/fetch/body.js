// The Body mixin (Fetch Standard, section 5.3) over bytes that are all there.
import { utf8Decode, utf8Encode } from "../globals/utf8.js";
import { isParams, paramsToString } from "../globals/url.js";
import {
  Bytes,
  isArrayBuffer,
  isView,
  jsonParse,
  stringSlice,
  charCodeAt,
  copyBytes,
  typedArrayBuffer,
  viewOf,
} from "../primordials.js";

// {bytes, type} of what the constructor of a Request or Response was given; null for none.
export function extractBody(value) {
  if (value === null || value === undefined) return null;
  if (isArrayBuffer(value) || isView(value)) return { bytes: copyBytes(viewOf(value)), type: null };
  if (isParams(value))
    return { bytes: utf8Encode(paramsToString(value)), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  return { bytes: utf8Encode(`${value}`), type: "text/plain;charset=UTF-8" };
}

// The body of `state`, or null. It may be there as text only, until somebody wants the bytes.
export function bytesOf(state) {
  if (state.bytes === null && state.text !== undefined) state.bytes = utf8Encode(state.text);
  return state.bytes;
}

export function decodeText(bytes) {
  const text = utf8Decode(bytes, false);
  return charCodeAt(text, 0) === 0xfeff ? stringSlice(text, 1) : text;
}

// Gives `Interface` the methods; `stateOf(this)` returns {bytes, used} or throws.
export function mixBody(Interface, stateOf) {
  const consume = (object) => {
    const state = stateOf(object);
    if (state.used) throw new TypeError("The body has already been read.");
    if (state.bytes === null && state.text === undefined) return { bytes: new Bytes(0) };
    state.used = true;
    return state;
  };
  const textOf = (state) => (state.text === undefined ? decodeText(state.bytes) : state.text);
  const methods = {
    async arrayBuffer() {
      return typedArrayBuffer(copyBytes(bytesOf(consume(this))));
    },
    async bytes() {
      return copyBytes(bytesOf(consume(this)));
    },
    async json() {
      return jsonParse(textOf(consume(this)));
    },
    async text() {
      return textOf(consume(this));
    },
  };
  for (const name in methods)
    Object.defineProperty(Interface.prototype, name, {
      value: methods[name],
      writable: true,
      enumerable: true,
      configurable: true,
    });
  const attributes = {
    get bodyUsed() {
      return stateOf(this).used;
    },
  };
  Object.defineProperties(Interface.prototype, Object.getOwnPropertyDescriptors(attributes));
}
