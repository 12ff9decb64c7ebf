// From positions in what the engine ran to positions in what the user wrote.
import { QUICK_PREFIX } from "../link/quick.js";
import { lineText, locate, mapBack, offsetOf } from "../link/positions.js";
import { originalColumn, strip } from "../link/typescript.js";
import {
  attempt,
  mapForEach,
  mapGet,
  max,
  min,
  NativeMap,
  mapSet,
  padStart,
  stringIndexOf,
  stringRepeat,
  stringSlice,
  toStr,
} from "../primordials.js";

let byName = new NativeMap();
let later; // makes the units when somebody asks for one: most runs have no error to place

export function knowUnits(units) {
  later = undefined;
  byName = new NativeMap();
  mapForEach(units, (unit) => mapSet(byName, unit.name, unit));
}

export function knowUnitsLater(make) {
  later = make;
}

export function unitNamed(name) {
  if (later !== undefined) knowUnits(later());
  return mapGet(byName, name);
}

const stripped = (unit) => (unit.type === "ts" ? (unit.stripped ??= strip(unit.text)) : unit.text);

// Line and column in the stripped text to those in the source.
function beforeStripping(unit, line, column) {
  return { line, column: unit.type === "ts" ? attempt(() => originalColumn(unit.text, line, column), column) : column };
}

// Stripping may have to be done again, by a library that does not withstand what user code did to the builtins.
// Then the line is right and the column is that of what ran.
export function placeOfGenerated(unit, line, column) {
  return attempt(() => preciselyPlaced(unit, line, column), { line, column });
}

function preciselyPlaced(unit, line, column) {
  if (unit.quick) {
    const shift = line === 1 ? QUICK_PREFIX.length : 0;
    return beforeStripping(unit, line, max(1, column - shift));
  }
  if (!unit.compiled) return { line, column };
  const { code, map } = unit.compiled;
  const before = stripped(unit);
  const offset = min(before.length, mapBack(map, offsetOf(code, line, column)));
  const found = locate(before, offset);
  return beforeStripping(unit, found.line, found.column);
}

// `facts` are those of failure.js.
export function placeOfFacts(facts) {
  const unit = unitNamed(facts.file);
  if (!unit || typeof unit.source !== "string") return { line: null, column: null };
  if (facts.offset !== undefined) {
    const { line, column } = locate(stripped(unit), facts.offset);
    return beforeStripping(unit, line, column);
  }
  if (facts.line === undefined) return { line: null, column: null };
  return facts.stripped ? beforeStripping(unit, facts.line, facts.column) : { line: facts.line, column: facts.column };
}

const WIDTH = 120;

// Two lines before, the line, and a caret under the column.
export function frame(unit, line, column) {
  if (typeof unit?.source !== "string" || !line) return null;
  const digits = toStr(line).length;
  // Of a long line only the part around the column is shown, the same part of every line.
  const from = column > WIDTH - 20 ? column - 60 : 0;
  let text = "";
  for (let n = max(1, line - 2); n <= line; n++) {
    const all = lineText(unit.source, n);
    text += `${n === line ? ">" : " "} ${padStart(toStr(n), digits)} | ${stringSlice(all, from, from + WIDTH)}\n`;
  }
  const before = stringSlice(lineText(unit.source, line), from, column - 1);
  let indent = "";
  // Tabs stay tabs, so that the caret stands where it should at any width.
  if (stringIndexOf(before, "\t") < 0) indent = stringRepeat(" ", max(0, column - 1 - from));
  else for (let i = 0; i < before.length; i++) indent += before[i] === "\t" ? "\t" : " ";
  return `${text}  ${stringRepeat(" ", digits)} | ${indent}^`;
}
