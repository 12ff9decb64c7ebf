// console.table
import { inspect } from "./inspect.js";
import {
  attempt,
  bareArray,
  getOwnPropertyDescriptor,
  isArray,
  objectKeys,
  padEnd,
  stringRepeat,
  toStr,
} from "../primordials.js";

const MAX_ROWS = 1000;
const MAX_COLUMNS = 50;

const cell = (value) => inspect(value, { depth: 0, budget: 200 });
const valueOf = (object, key) => attempt(() => getOwnPropertyDescriptor(object, key)?.value);
const isRow = (value) => typeof value === "object" && value !== null;

// Undefined when `data` is nothing that has rows.
export function tableText(data, only) {
  if (!isRow(data)) return undefined;
  const rows = attempt(() => objectKeys(data), bareArray());
  const columns = bareArray();
  const has = (name) => {
    for (let i = 0; i < columns.length; i++) if (columns[i] === name) return true;
    return false;
  };
  let plain = false;
  const count = rows.length < MAX_ROWS ? rows.length : MAX_ROWS;
  for (let i = 0; i < count; i++) {
    const row = valueOf(data, rows[i]);
    if (!isRow(row)) {
      plain = true;
      continue;
    }
    const keys = attempt(() => objectKeys(row), bareArray());
    for (let j = 0; j < keys.length && columns.length < MAX_COLUMNS; j++)
      if (!has(keys[j])) columns[columns.length] = keys[j];
  }
  const named = isArray(only) ? only : columns;
  const lines = bareArray();
  const head = bareArray();
  head[0] = "(index)";
  for (let i = 0; i < named.length && i < MAX_COLUMNS; i++) head[i + 1] = toStr(named[i]);
  if (plain) head[head.length] = "Values";
  lines[0] = head;
  for (let i = 0; i < count; i++) {
    const row = valueOf(data, rows[i]);
    const line = bareArray();
    line[0] = rows[i];
    for (let j = 1; j < head.length - (plain ? 1 : 0); j++) {
      const here = isRow(row) ? attempt(() => getOwnPropertyDescriptor(row, head[j])) : undefined;
      line[j] = here ? cell(here.value) : "";
    }
    if (plain) line[head.length - 1] = isRow(row) ? "" : cell(row);
    lines[lines.length] = line;
  }
  return draw(lines);
}

function draw(lines) {
  const widths = bareArray();
  for (let i = 0; i < lines.length; i++)
    for (let j = 0; j < lines[i].length; j++) if (!(widths[j] >= lines[i][j].length)) widths[j] = lines[i][j].length;
  const rule = (left, middle, right) => {
    let text = left;
    for (let j = 0; j < widths.length; j++) text += (j === 0 ? "" : middle) + stringRepeat("─", widths[j] + 2);
    return text + right;
  };
  let text = rule("┌", "┬", "┐");
  for (let i = 0; i < lines.length; i++) {
    text += "\n│";
    for (let j = 0; j < widths.length; j++) text += ` ${padEnd(lines[i][j], widths[j])} │`;
    if (i === 0) text += `\n${rule("├", "┼", "┤")}`;
  }
  return `${text}\n${rule("└", "┴", "┘")}`;
}
