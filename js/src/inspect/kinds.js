// The contents of objects that are more than their properties.
import { formatFrames, framesOf } from "../errors/stack.js";
import { MAX_ITEMS } from "./inspect.js";
import {
  attempt,
  bufferByteLength,
  Bytes,
  dateToISOString,
  functionToString,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  hasOwn,
  isErrorNative,
  mapForEach,
  mapSize,
  numberToString,
  padStart,
  reflectGet,
  setForEach,
  setSize,
  stringIncludes,
  stringRepeat,
  stringSlice,
  stringStartsWith,
  typedArrayLength,
} from "../primordials.js";
import { isDOMException } from "../globals/dom-exception.js";

const more = (inner, count, what = "item") => inner.add(`... ${count} more ${what}${count === 1 ? "" : "s"}`);

export function array(inner, object) {
  const { length } = object;
  let shown = 0;
  for (let i = 0; i < length; i++) {
    if (shown++ >= MAX_ITEMS || inner.context.left <= 0) {
      more(inner, length - i);
      return;
    }
    const descriptor = getOwnPropertyDescriptor(object, i);
    if (descriptor) inner.add(hasOwn(descriptor, "value") ? inner.show(descriptor.value) : "[Getter]");
    else {
      let end = i + 1;
      const limit = Math.min(length, i + 1_000_000);
      while (end < limit && !hasOwn(object, end)) end++;
      if (end === limit) end = length;
      inner.add(`<${end - i} empty item${end - i === 1 ? "" : "s"}>`);
      i = end - 1;
    }
  }
}

export function typedArray(inner, object) {
  const length = typedArrayLength(object);
  for (let i = 0; i < length && i < MAX_ITEMS; i++) inner.add(inner.show(object[i]));
  if (length > MAX_ITEMS) more(inner, length - MAX_ITEMS);
}

export function arrayBuffer(inner, object) {
  const length = bufferByteLength(object);
  const bytes = attempt(() => new Bytes(object, 0, Math.min(50, length)));
  if (!bytes) {
    inner.add("(detached)");
    inner.add("byteLength: 0");
    return;
  }
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += (i === 0 ? "" : " ") + padStart(numberToString(bytes[i], 16), 2, "0");
  if (length > 50) text += ` ... ${length - 50} more bytes`;
  inner.add(`[Uint8Contents]: <${text}>`);
  inner.add(`byteLength: ${length}`);
}

export function map(inner, object) {
  let shown = 0;
  mapForEach(object, (value, key) => {
    if (shown++ < MAX_ITEMS && inner.context.left > 0) inner.add(`${inner.show(key)} => ${inner.show(value)}`);
  });
  if (shown > MAX_ITEMS) more(inner, mapSize(object) - MAX_ITEMS);
}

export function set(inner, object) {
  let shown = 0;
  setForEach(object, (value) => {
    if (shown++ < MAX_ITEMS && inner.context.left > 0) inner.add(inner.show(value));
  });
  if (shown > MAX_ITEMS) more(inner, setSize(object) - MAX_ITEMS);
}

export function weak(inner) {
  inner.add("<items unknown>");
}

export const date = (object) => attempt(() => dateToISOString(object), "Invalid Date");

const ownText = (object, key) => {
  const value = attempt(() => getOwnPropertyDescriptor(object, key)?.value);
  return typeof value === "string" ? value : "";
};

export function functionBase(fn, name, isNull) {
  const own = stringSlice(ownText(fn, "name"), 0, 200);
  const source = attempt(() => functionToString(fn), "");
  if (stringStartsWith(source, "class") && stringIncludes(source, "{")) {
    const parent = attempt(() => getPrototypeOf(fn));
    const base = parent && parent !== Function.prototype ? ownText(parent, "name") : "";
    return `[class ${own === "" ? "(anonymous)" : own}${base === "" ? "" : ` extends ${stringSlice(base, 0, 200)}`}]`;
  }
  const kind = name === null || isNull ? "Function (null prototype)" : name;
  return own === "" ? `[${kind} (anonymous)]` : `[${kind}: ${own}]`;
}

// `Name: message` and the user's frames. Only data properties are read, as with everything that is shown; the
// engine's own accessors are on no prototype of errors.
export function errorText(error, name, level) {
  const dom = isDOMException(error);
  const inherited = dom ? attempt(() => reflectGet(error, "name"), "Error") : dataAlong(error, "name");
  const title = typeof inherited === "string" && inherited !== "" ? stringSlice(inherited, 0, 200) : "Error";
  const message = dom ? attempt(() => reflectGet(error, "message"), "") : dataAlong(error, "message");
  const text = typeof message === "string" ? stringSlice(message, 0, 8192) : "";
  const label = name !== null && title === "Error" && name !== "Error" ? name : title;
  const heading = `${label}${text === "" ? "" : `: ${text}`}`;
  const frames = attempt(() => formatFrames(framesOf(stringSlice(ownText(error, "stack"), 0, 16384))), "");
  if (frames === "") return level > 0 || !isErrorNative(error) ? `[${heading}]` : heading;
  if (level === 0) return `${heading}\n${frames}`;
  return indent(`${heading}\n${frames}`, level);
}

function indent(text, level) {
  const space = stringRepeat(" ", 2 * level);
  let result = "";
  for (let i = 0; i < text.length; i++) result += text[i] === "\n" ? `\n${space}` : text[i];
  return result;
}

function dataAlong(object, key) {
  let at = object;
  for (let i = 0; i < 20 && at !== null; i++) {
    const descriptor = attempt(() => getOwnPropertyDescriptor(at, key));
    if (descriptor) return descriptor.value;
    at = attempt(() => getPrototypeOf(at), null);
  }
  return undefined;
}
