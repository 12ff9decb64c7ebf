// Any thrown value to the structured error of CONTRACT.md. What was thrown may be hostile: getters that throw,
// proxies, endless strings, cycles. Nothing here throws, and everything it makes is bounded.
import { formatFrames, framesOf } from "./stack.js";
import { frame, placeOfFacts, unitNamed } from "./place.js";
import { factsOf } from "./failure.js";
import { host } from "../host.js";
import { inspect } from "../inspect/inspect.js";
import { isDOMException } from "../globals/dom-exception.js";
import {
  isArray,
  isErrorNative,
  objectKeys,
  quote,
  reflectGet,
  stringIndexOf,
  stringSlice,
  stringStartsWith,
  symbolToString,
  toStr,
  toWellFormed,
} from "../primordials.js";

const MAX_MESSAGE = 8 * 1024;
const MAX_STACK = 16 * 1024;
const MAX_CAUSES = 5;
const MAX_ERRORS = 10;

export const isProxy = (value) => host.proxyTarget?.(value) !== undefined;

export const isError = (value) =>
  typeof value === "object" && value !== null && (isErrorNative(value) || isDOMException(value));

export function cap(text, limit) {
  // The cut may split a pair of surrogates.
  return text.length <= limit
    ? toWellFormed(text)
    : `${toWellFormed(stringSlice(text, 0, limit))}… (${text.length - limit} more characters)`;
}

function read(error, key) {
  try {
    return reflectGet(error, key);
  } catch {
    return undefined;
  }
}

function readText(error, key, limit) {
  try {
    const value = reflectGet(error, key);
    if (typeof value === "string") return cap(value, limit);
    if (value === undefined || value === null) return "";
    if (typeof value === "object" || typeof value === "function") return inspect(value, { depth: 1 });
    return cap(typeof value === "symbol" ? symbolToString(value) : toStr(value), limit);
  } catch {
    return "";
  }
}

const member = (key, value) =>
  `,"${key}":${value === null || value === undefined ? "null" : typeof value === "number" ? toStr(value) : quote(value)}`;

// The JSON text. `code` is used where the error itself has no more precise one.
export function describe(thrown, code = "code.exception") {
  try {
    return describeAt(thrown, code, 0, undefined);
  } catch {
    // Only exhausted stack or memory leads here.
    return `{"name":"Error","message":"The error could not be described.","stack":null,"file":null,"line":null,"column":null,"frame":null,"code":"${code}","thrown":null,"cause":null}`;
  }
}

function describeAt(thrown, code, depth, seen) {
  if (!isError(thrown)) return describeValue(thrown, code);
  const facts = factsOf(thrown);
  const name = readText(thrown, "name", 200) || "Error";
  const message = cleanMessage(readText(thrown, "message", MAX_MESSAGE));
  const stack = read(thrown, "stack");
  const frames = framesOf(typeof stack === "string" ? stringSlice(stack, 0, 4 * MAX_STACK) : "");

  let file = null;
  let line = null;
  let column = null;
  if (facts?.file !== undefined) {
    file = facts.file;
    ({ line, column } = placeOfFacts(facts));
  } else if (frames.length > 0) ({ file, line, column } = frames[0]);

  const formatted = cap(
    `${name}${message === "" ? "" : `: ${message}`}${frames.length === 0 ? "" : `\n${formatFrames(frames)}`}`,
    MAX_STACK,
  );
  let text = `{"name":${quote(name)},"message":${quote(message)},"stack":${quote(formatted)}`;
  text += member("file", file) + member("line", line) + member("column", column);
  text += member("frame", file === null ? null : safeFrame(file, line, column));
  text += member("code", facts?.code ?? code);
  const extra = facts?.extra;
  const keys = extra ? objectKeys(extra) : [];
  for (let i = 0; i < keys.length; i++) text += member(keys[i], extra[keys[i]]);
  text += `,"thrown":null,"cause":${causeOf(thrown, depth, { error: thrown, next: seen })}`;
  return `${text}${errorsOf(thrown, depth, { error: thrown, next: seen })}}`;
}

function safeFrame(file, line, column) {
  try {
    return frame(unitNamed(file), line, column);
  } catch {
    return null;
  }
}

// Rewriting shows through where the engine quotes source text in its messages.
function cleanMessage(message) {
  if (stringIndexOf(message, "$") < 0) return message;
  return without(without(withoutCalls(message), "$imports."), "$module.");
}

function without(text, prefix) {
  for (let at = stringIndexOf(text, prefix); at >= 0; at = stringIndexOf(text, prefix, at))
    text = stringSlice(text, 0, at) + stringSlice(text, at + prefix.length);
  return text;
}

// `(0,$imports.x)` was `x`.
function withoutCalls(text) {
  const prefix = "(0,$imports.";
  for (let at = stringIndexOf(text, prefix); at >= 0; at = stringIndexOf(text, prefix, at)) {
    const close = stringIndexOf(text, ")", at);
    if (close < 0) return text;
    text = stringSlice(text, 0, at) + stringSlice(text, at + prefix.length, close) + stringSlice(text, close + 1);
  }
  return text;
}

function inChain(error, seen) {
  for (let at = seen; at; at = at.next) if (at.error === error) return true;
  return false;
}

function causeOf(error, depth, seen) {
  const cause = read(error, "cause");
  if (cause === undefined) return "null";
  if (depth >= MAX_CAUSES || inChain(cause, seen)) return describeValue("(further causes left out)", "code.exception");
  return describeAt(cause, "code.exception", depth + 1, seen);
}

// The errors of an AggregateError.
function errorsOf(error, depth, seen) {
  const errors = read(error, "errors");
  if (errors === undefined || isProxy(errors) || !safeIsArray(errors) || depth >= MAX_CAUSES) return "";
  let text = "";
  for (let i = 0; i < errors.length && i < MAX_ERRORS; i++) {
    const item = read(errors, i);
    if (inChain(item, seen)) continue;
    text += `${text === "" ? "" : ","}${describeAt(item, "code.exception", depth + 2, seen)}`;
  }
  return text === "" ? "" : `,"errors":[${text}]`;
}

function safeIsArray(value) {
  try {
    return isArray(value);
  } catch {
    return false;
  }
}

function typeName(value) {
  return value === null ? "null" : typeof value;
}

function describeValue(value, code) {
  const printed = cap(typeof value === "string" ? value : inspect(value, { depth: 3 }), MAX_MESSAGE);
  const what = value === null || value === undefined ? toStr(value) : `a value of type ${typeName(value)}`;
  const message =
    value === ""
      ? "The code threw an empty string instead of an Error."
      : value === null || value === undefined
        ? `The code threw ${what} instead of an Error.`
        : printed;
  const thrown = `{"type":${quote(typeName(value))},"printed":${quote(printed)}}`;
  return `{"name":"Error","message":${quote(message)},"stack":null,"file":null,"line":null,"column":null,"frame":null,"code":${quote(code)},"thrown":${thrown},"cause":null}`;
}

// Memory that ran out is told apart from an error that says so: the host checks which it was.
export function isOutOfMemory(thrown) {
  return (
    isErrorNative(thrown) &&
    factsOf(thrown) === undefined &&
    read(thrown, "name") === "RangeError" &&
    stringStartsWith(readText(thrown, "message", 100), "Out of memory")
  );
}
