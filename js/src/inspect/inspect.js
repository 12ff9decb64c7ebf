// Values as text for people, as Node's util.inspect shows them. Getters, toString and proxy traps of the user's
// are not run, nothing throws, and the output has a limit however large the value is.
import { array, arrayBuffer, date, errorText, functionBase, map, typedArray, weak, set } from "./kinds.js";
import {
  bareArray,
  bigintToString,
  booleanValueOf,
  attempt,
  dateGetTime,
  dataViewByteLength,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  hasOwn,
  isArray,
  isArrayBuffer,
  isErrorNative,
  isView,
  mapSize,
  numberValueOf,
  ownKeys,
  quote,
  regexpFlags,
  regexpSource,
  setSize,
  stringIncludes,
  stringIndexOf,
  stringRepeat,
  stringSlice,
  stringValueOf,
  symbolToString,
  symbolValueOf,
  toStr,
  typedArrayName,
  bigintValueOf,
  weakHas,
  weakSetHas,
} from "../primordials.js";
import { host } from "../host.js";
import { isDOMException } from "../globals/dom-exception.js";
import { isNamespace } from "../link/namespace.js";

const MAX_OUTPUT = 64 * 1024;
const MAX_STRING = 10_000;
export const MAX_ITEMS = 100;
const WIDTH = 76;

// Interfaces of ours whose state is not in properties: predicate and a function that gives a plain object.
const views = bareArray();
export function showAs(test, toPlain) {
  views[views.length] = { test, toPlain };
}

export function inspect(value, { depth = 2, budget = MAX_OUTPUT } = {}) {
  const context = { depth, left: budget, seen: bareArray(), circular: bareArray() };
  try {
    return formatValue(context, value, 0);
  } catch {
    return "[value that could not be shown]";
  }
}

export function quoteString(string) {
  const capped = capString(string);
  const body = stringSlice(quote(capped.text), 1, -1);
  const has = (mark) => stringIndexOf(capped.text, mark) >= 0;
  // As Node does: single quotes unless others save escapes.
  const mark = !has("'") ? "'" : !has('"') ? '"' : !has("`") && !stringIncludes(capped.text, "${") ? "`" : "'";
  let text = "";
  for (let i = 0; i < body.length; i++) {
    if (body[i] === "\\" && body[i + 1] === '"') {
      text += '"';
      i++;
    } else if (body[i] === "\\") text += body[i] + body[++i];
    else text += body[i] === mark ? `\\${mark}` : body[i];
  }
  return mark + text + mark + capped.more;
}

export function capString(string, limit = MAX_STRING) {
  if (string.length <= limit) return { text: string, more: "" };
  return { text: stringSlice(string, 0, limit), more: `... ${string.length - limit} more characters` };
}

export function primitive(value) {
  switch (typeof value) {
    case "string":
      return quoteString(value);
    case "number":
      return value === 0 && 1 / value < 0 ? "-0" : toStr(value);
    case "bigint":
      return bigint(value);
    case "symbol":
      return symbolToString(value);
    default:
      return toStr(value);
  }
}

// Printing a BigInt takes time that grows with the square of its length.
function bigint(value) {
  const limit = 1n << 4096n;
  return value > limit || value < -limit ? "[BigInt of more than 4096 bits]" : `${bigintToString(value)}n`;
}

function spend(context, text) {
  context.left -= text.length;
  return text;
}

export function formatValue(context, value, level) {
  if (context.left <= 0) return "…";
  if (value === null || (typeof value !== "object" && typeof value !== "function"))
    return spend(context, primitive(value));
  let isRevoked = false;
  let target = value;
  for (let i = 0; i < 100; i++) {
    const inner = host.proxyTarget?.(target);
    if (inner === undefined) break;
    if (inner === null) {
      isRevoked = true;
      break;
    }
    if (isNamespace(target)) break;
    target = inner;
  }
  if (isRevoked) return spend(context, "<Revoked Proxy>");
  for (let i = 0; i < context.seen.length; i++)
    if (context.seen[i] === target) return spend(context, circular(context, target));
  return formatObject(context, target, level);
}

function circular(context, target) {
  for (let i = 0; i < context.circular.length; i++) if (context.circular[i] === target) return `[Circular *${i + 1}]`;
  context.circular[context.circular.length] = target;
  return `[Circular *${context.circular.length}]`;
}

// The name of the class, from data properties only. Null for no prototype.
export function className(object) {
  let at = object;
  for (let i = 0; i < 100; i++) {
    const descriptor = attempt(() => getOwnPropertyDescriptor(at, "constructor"));
    const name =
      descriptor && typeof descriptor.value === "function"
        ? attempt(() => getOwnPropertyDescriptor(descriptor.value, "name")?.value)
        : undefined;
    if (typeof name === "string" && name !== "" && (at !== object || i > 0)) return stringSlice(name, 0, 200);
    if (host.proxyTarget?.(at) !== undefined) return "Object";
    at = attempt(() => getPrototypeOf(at), null);
    if (at === null) return null;
  }
  return "Object";
}

function tagOf(object, name) {
  let at = object;
  for (let i = 0; i < 20 && at !== null; i++) {
    if (host.proxyTarget?.(at) !== undefined) return "";
    const descriptor = attempt(() => getOwnPropertyDescriptor(at, Symbol.toStringTag));
    if (descriptor) {
      const { value } = descriptor;
      return typeof value === "string" && value !== "" && value !== name ? ` [${stringSlice(value, 0, 200)}]` : "";
    }
    at = attempt(() => getPrototypeOf(at), null);
  }
  return "";
}

function formatObject(context, object, level) {
  const name = className(object);
  const kind = kindOf(object, name, level);
  if (level > context.depth && !kind.flat) {
    return spend(
      context,
      kind.array
        ? name === "Array" || name === null
          ? "[Array]"
          : `[${name}]`
        : `[${name === null ? "Object: null prototype" : name}${tagOf(object, name)}]`,
    );
  }
  context.seen[context.seen.length] = object;
  const entries = bareArray();
  const inner = {
    context,
    level,
    entries,
    add: (text) => (entries[entries.length] = text),
    show: (item) => formatValue(context, item, level + 1),
  };
  kind.fill?.(inner);
  if (!kind.noProperties) properties(inner, object, kind);
  context.seen.length--;

  const prefix = kind.prefix ?? "";
  let text;
  if (entries.length === 0 && kind.base !== undefined) text = kind.base;
  else {
    const open = kind.array ? "[" : "{";
    const close = kind.array ? "]" : "}";
    const lead = (kind.base !== undefined ? `${kind.base} ` : "") + prefix;
    text =
      entries.length === 0
        ? `${lead}${open}${close}`
        : `${lead}${join(entries, open, close, lead.length, level, kind.array)}`;
  }
  for (let i = 0; i < context.circular.length; i++)
    if (context.circular[i] === object) text = `<ref *${i + 1}> ${text}`;
  return spend(context, text);
}

function kindOf(object, name, level) {
  const null_ = name === null;
  if (typeof object === "function") return { base: functionBase(object, name, null_), flat: true };
  if (isArray(object)) {
    const prefix =
      name === "Array"
        ? ""
        : `${null_ ? "[Array(" + object.length + "): null prototype]" : `${name}(${object.length})`} `;
    return { array: true, prefix, fill: (inner) => array(inner, object), indexed: true };
  }
  if (isErrorNative(object) || isDOMException(object))
    return { base: errorText(object, name, level), isError: true, flat: true };
  for (let i = 0; i < views.length; i++) {
    const plain = views[i].test(object) ? attempt(() => views[i].toPlain(object)) : undefined;
    if (typeof plain === "string") return { base: plain, flat: true };
    if (plain) return { prefix: `${name} `, fill: (inner) => properties(inner, plain, {}) };
  }
  if (attempt(() => mapSize(object), -1) >= 0)
    return { prefix: `${name ?? "[Map: null prototype]"}(${mapSize(object)}) `, fill: (inner) => map(inner, object) };
  if (attempt(() => setSize(object), -1) >= 0)
    return { prefix: `${name ?? "[Set: null prototype]"}(${setSize(object)}) `, fill: (inner) => set(inner, object) };
  const typedName = isView(object) ? typedArrayName(object) : undefined;
  if (typedName !== undefined)
    return {
      array: true,
      prefix: `${name}(${attempt(() => object.length, 0)}) `,
      fill: (inner) => typedArray(inner, object),
      indexed: true,
    };
  if (isView(object))
    return {
      prefix: `${name} `,
      fill: (inner) => inner.add(`byteLength: ${attempt(() => dataViewByteLength(object), 0)}`),
    };
  if (isArrayBuffer(object)) return { prefix: `${name} `, fill: (inner) => arrayBuffer(inner, object) };
  if (attempt(() => dateGetTime(object)) !== undefined) return { base: date(object), flat: true };
  const source =
    name === null ? undefined : attempt(() => (object === RegExp.prototype ? undefined : regexpSource(object)));
  if (source !== undefined) return { base: `/${source}/${regexpFlags(object)}`, flat: true };
  const box = boxed(object);
  if (box !== undefined) return { base: box, flat: true, isBox: true };
  if (attempt(() => weakHas(object, object)) !== undefined || attempt(() => weakSetHas(object, object)) !== undefined)
    return { prefix: `${name} `, fill: weak };
  if (isNamespace(object)) return { prefix: "[Module: null prototype] ", isNamespace: true };
  const tag = tagOf(object, name);
  return {
    prefix: null_ ? `[Object: null prototype]${tag} ` : name === "Object" && tag === "" ? "" : `${name}${tag} `,
  };
}

const boxKinds = [
  ["String", stringValueOf],
  ["Number", numberValueOf],
  ["Boolean", booleanValueOf],
  ["Symbol", symbolValueOf],
  ["BigInt", bigintValueOf],
];

function boxed(object) {
  for (let i = 0; i < boxKinds.length; i++) {
    const value = attempt(() => boxKinds[i][1](object));
    if (value !== undefined) return `[${boxKinds[i][0]}: ${primitive(value)}]`;
  }
  return undefined;
}

function isIdentifier(key) {
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
  return key !== "";
}

const isIndex = (key) => key !== "" && toStr(key >>> 0) === key;
const errorOwn = { __proto__: null, stack: true, message: true, line: true, column: true, sourceURL: true };

function properties(inner, object, kind) {
  const keys = ownKeys(object);
  let shown = 0;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if ((kind.indexed || kind.isBox) && typeof key === "string" && isIndex(key)) continue;
    const descriptor = attempt(() => getOwnPropertyDescriptor(object, key));
    if (!descriptor) {
      if (kind.isNamespace) inner.add(`${key}: <uninitialized>`);
      continue;
    }
    if (kind.isError) {
      if (key in errorOwn && typeof key === "string") continue;
      // These two are not enumerable, but are what one wants to see.
      if (!descriptor.enumerable && key !== "cause" && key !== "errors") continue;
    } else if (!descriptor.enumerable) continue;
    if (shown++ >= MAX_ITEMS || inner.context.left <= 0) {
      inner.add(`... ${keys.length - i} more properties`);
      return;
    }
    const label = typeof key === "symbol" ? `[${symbolToString(key)}]` : isIdentifier(key) ? key : quoteString(key);
    const name = descriptor.enumerable ? label : `[${label}]`;
    let text;
    if (hasOwn(descriptor, "value")) text = inner.show(descriptor.value);
    else text = descriptor.get ? (descriptor.set ? "[Getter/Setter]" : "[Getter]") : "[Setter]";
    inner.add(`${name}: ${text}`);
  }
}

// One line if it fits and does not hide more than a few levels, else a line for each entry.
function join(entries, open, close, lead, level, isList) {
  let total = lead + entries.length * 2;
  let flat = true;
  let longest = 0;
  const isTail = (text) => stringSlice(text, 0, 4) === "... ";
  for (let i = 0; i < entries.length; i++) {
    total += entries[i].length;
    if (entries[i].length > longest && !isTail(entries[i])) longest = entries[i].length;
    if (stringIncludes(entries[i], "\n")) flat = false;
  }
  if (flat && total + level * 2 <= WIDTH) return `${open} ${joinWith(entries, ", ")} ${close}`;
  const indent = `\n${stringRepeat(" ", 2 * (level + 1))}`;
  const end = `\n${stringRepeat(" ", 2 * level)}${close}`;
  if (isList && flat && entries.length > 6 && longest <= 16) return open + fill(entries, longest, indent) + end;
  return open + indent + joinWith(entries, `,${indent}`) + end;
}

function joinWith(entries, separator) {
  let text = "";
  for (let i = 0; i < entries.length; i++) text += i === 0 ? entries[i] : separator + entries[i];
  return text;
}

// Short items of a long array go into columns.
function fill(entries, longest, indent) {
  const columns = Math.max(1, Math.min(16, Math.floor(WIDTH / (longest + 2))));
  let text = "";
  for (let i = 0; i < entries.length; i++) {
    const last = i === entries.length - 1;
    const item = last ? entries[i] : `${entries[i]},`;
    if (i % columns === 0 || (last && item.length > longest + 1)) text += indent;
    text += i % columns === columns - 1 || last ? item : item + stringRepeat(" ", longest + 2 - item.length);
  }
  return text;
}
