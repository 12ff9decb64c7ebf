// console's printf (Console Standard, section 2.2.1) with Node's notion of what each directive shows.
import { capString, inspect } from "./inspect.js";
import { bigintToString, charCodeAt, isErrorNative, stringSlice, toInt, toNum, toStr } from "../primordials.js";

const MAX_OUTPUT = 64 * 1024;

export function formatArguments(args) {
  let text = "";
  let next = 0;
  if (typeof args[0] === "string") {
    next = 1;
    const capped = capString(args[0], MAX_OUTPUT);
    const format = capped.text;
    let from = 0;
    for (let i = 0; i < format.length - 1; i++) {
      if (charCodeAt(format, i) !== 37) continue;
      const directive = format[i + 1];
      let shown;
      // As Node does: a lone string is not a format.
      if (args.length === 1) break;
      if (directive === "%") shown = "%";
      else if (next < args.length) shown = directed(directive, args[next]);
      if (shown === undefined) continue;
      text += stringSlice(format, from, i) + shown;
      if (directive !== "%") next++;
      i++;
      from = i + 1;
      if (text.length > MAX_OUTPUT) break;
    }
    text += stringSlice(format, from) + capped.more;
  }
  for (let i = next; i < args.length && text.length <= MAX_OUTPUT; i++) {
    const value = args[i];
    text += (i === 0 ? "" : " ") + (typeof value === "string" ? whole(value) : inspect(value));
  }
  return text.length > MAX_OUTPUT ? `${stringSlice(text, 0, MAX_OUTPUT)}…` : text;
}

function whole(value) {
  const { text, more } = capString(value, MAX_OUTPUT);
  return text + more;
}

const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

function directed(directive, value) {
  switch (directive) {
    case "s":
      if (typeof value === "string") return whole(value);
      return inspect(value, { depth: isErrorNative(value) ? 0 : 1 });
    case "d":
      if (typeof value === "bigint") return `${bigintToString(value)}n`;
      return isObject(value) || typeof value === "symbol" ? "NaN" : toStr(toNum(value));
    case "i":
      if (typeof value === "bigint") return `${bigintToString(value)}n`;
      return isObject(value) || typeof value === "symbol"
        ? "NaN"
        : toStr(toInt(typeof value === "string" ? parseFloatHere(value) : toNum(value)));
    case "f":
      return isObject(value) || typeof value === "symbol"
        ? "NaN"
        : toStr(typeof value === "string" ? parseFloatHere(value) : toNum(value));
    case "j":
    case "o":
    case "O":
      return inspect(value, { depth: 4 });
    case "c":
      return "";
  }
  return undefined;
}

const parseFloatHere = globalThis.parseFloat;
