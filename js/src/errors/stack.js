// The engine's stack text to the usual form, the user's frames only, at the user's positions.
import { lineText } from "../link/positions.js";
import { placeOfGenerated, unitNamed } from "./place.js";
import { bareArray, stringIndexOf, stringLastIndexOf, stringSlice, stringStartsWith, toNum } from "../primordials.js";

const MAX_FRAMES = 50;

// Frames {name, file, line, column} of the user's code, from lines like `name@file:line:column`.
export function framesOf(stack) {
  const frames = bareArray();
  let rest = stack;
  while (rest !== "" && frames.length < MAX_FRAMES) {
    const newline = stringIndexOf(rest, "\n");
    const text = newline < 0 ? rest : stringSlice(rest, 0, newline);
    rest = newline < 0 ? "" : stringSlice(rest, newline + 1);
    const frame = parseFrame(text);
    if (frame === undefined) continue;
    const inner = frames[frames.length - 1];
    if (isAsyncShell(frame, inner)) inner.name = frame.name;
    else frames[frames.length] = frame;
  }
  return frames;
}

// Until its first await an async function is on the stack twice: its body, and the shell that started it, which
// stands at the end of the function or at its parameters.
function isAsyncShell(frame, inner) {
  if (inner === undefined || inner.file !== frame.file || (inner.name !== frame.name && inner.name !== ""))
    return false;
  const { text } = unitNamed(frame.file);
  if (typeof text !== "string") return false;
  const before = stringSlice(lineText(text, frame.line), 0, frame.column - 1);
  const last = before[before.length - 1];
  if (last === "}" || last === "{") return true;
  for (let at = stringLastIndexOf(before, "async"); at >= 0; at = stringLastIndexOf(before, "async", at - 1)) {
    if (headOfAsync(before, at + 5)) return true;
    if (at === 0) break;
  }
  return false;
}

// Whether nothing but the beginning of a function stands between `async` and the end.
function headOfAsync(text, from) {
  for (let i = from; i < text.length - 1; i++) {
    const c = text[i];
    if (c === "(" || c === ")" || c === "{" || c === "}" || c === ";" || c === "=" || c === ",") return false;
  }
  return true;
}

function parseFrame(text) {
  const second = stringLastIndexOf(text, ":");
  if (second < 0) return undefined;
  const first = stringLastIndexOf(text, ":", second - 1);
  if (first < 0) return undefined;
  const line = toNum(stringSlice(text, first + 1, second));
  const column = toNum(stringSlice(text, second + 1));
  if (!(line > 0) || !(column > 0)) return undefined;
  // Both names and files may contain an @: take the split that leaves a file we know.
  for (let at = stringIndexOf(text, "@"); at >= 0 && at < first; at = stringIndexOf(text, "@", at + 1)) {
    const file = stringSlice(text, at + 1, first);
    const unit = unitNamed(file);
    if (!unit) continue;
    const place = placeOfGenerated(unit, line, column);
    let name = stringSlice(text, 0, at);
    if (name === "global code" || name === "module code" || name === "eval code") name = "";
    else if (stringStartsWith(name, "$default")) name = "default";
    return { name, file, line: place.line, column: place.column };
  }
  return undefined;
}

export function formatFrames(frames) {
  let text = "";
  for (let i = 0; i < frames.length; i++) {
    const { name, file, line, column } = frames[i];
    const where = `${file}:${line}:${column}`;
    text += `${i === 0 ? "" : "\n"}    at ${name === "" ? where : `${name} (${where})`}`;
  }
  return text;
}
