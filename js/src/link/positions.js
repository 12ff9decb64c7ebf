// Positions: offsets to lines and columns, and offsets in rewritten text back to offsets in what was written.
// Everything here may run after user code, so it works by index and on primitives.
import { bareArray, charCodeAt, stringSlice } from "../primordials.js";

// Offsets at which the lines of `text` begin, for ECMAScript's line terminators.
export function lineStarts(text) {
  const starts = bareArray();
  starts[0] = 0;
  let count = 1;
  for (let i = 0; i < text.length; i++) {
    const c = charCodeAt(text, i);
    if (c === 10 || c === 0x2028 || c === 0x2029 || c === 13) {
      if (c === 13 && charCodeAt(text, i + 1) === 10) i++;
      starts[count++] = i + 1;
    }
  }
  return starts;
}

// 1-based line and column of an offset.
export function locate(text, offset) {
  const starts = lineStarts(text);
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - starts[low] + 1 };
}

export function offsetOf(text, line, column) {
  const starts = lineStarts(text);
  if (line < 1 || line > starts.length) return text.length;
  const end = line < starts.length ? starts[line] : text.length + 1;
  const offset = starts[line - 1] + column - 1;
  return offset < end ? offset : end - 1;
}

export function lineText(text, line) {
  const starts = lineStarts(text);
  if (line < 1 || line > starts.length) return "";
  let end = line < starts.length ? starts[line] : text.length;
  while (end > starts[line - 1]) {
    const c = charCodeAt(text, end - 1);
    if (c !== 10 && c !== 13 && c !== 0x2028 && c !== 0x2029) break;
    end--;
  }
  return stringSlice(text, starts[line - 1], end);
}

// Carries out `edits`, a list of {start, end, text} that do not overlap. Edits that begin at the same offset
// keep their order. Returns the new text and a map: pairs [offset in the new text, offset in the old], flat.
export function applyEdits(source, edits) {
  const sorted = edits.map((edit, index) => ({ ...edit, index }));
  sorted.sort((a, b) => a.start - b.start || a.index - b.index);
  const map = [0, 0];
  let text = "";
  let at = 0;
  for (const edit of sorted) {
    text += source.slice(at, edit.start);
    map.push(text.length, edit.start);
    text += edit.text;
    map.push(text.length, edit.end);
    at = edit.end;
  }
  text += source.slice(at);
  return { text, map };
}

// The old offset of a new one. Inside inserted text: the nearest place that was written by the user.
export function mapBack(map, offset) {
  let low = 0;
  let high = map.length / 2 - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (map[2 * middle] <= offset) low = middle;
    else high = middle - 1;
  }
  const old = map[2 * low + 1] + offset - map[2 * low];
  const next = map[2 * low + 3];
  return next !== undefined && old > next ? next : old;
}

// Text that can stand for source[start, end) without moving the lines that follow.
export function blank(source, start, end) {
  let text = "";
  for (let i = start; i < end; i++) {
    const c = source.charCodeAt(i);
    if (c === 10 || c === 13 || c === 0x2028 || c === 0x2029) text += source[i];
  }
  return text;
}
