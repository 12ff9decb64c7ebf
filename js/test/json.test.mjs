import { test } from "node:test";
import assert from "node:assert/strict";
import { jsonErrorOffset } from "../src/link/json.js";

test("the offset at which a text stops being JSON", () => {
  for (const [text, offset] of [
    ['{"ok": 1,\n "bad": }', 18],
    ["[1,2,]", 5],
    ['{"a":1} x', 8],
    ['"abc', 4],
    ['"a\\x"', 3],
    ['"\\u12g4"', 5],
    ['{"a":tru}', 8],
    ["[1.e]", 3],
    ["[01]", 2],
    ["{,}", 1],
    ["", 0],
  ])
    assert.equal(jsonErrorOffset(text), offset, text);
});

test("JSON has no such offset", () => {
  for (const value of [
    null,
    true,
    -1.5e-7,
    0,
    '\u2028\\"\n',
    [],
    {},
    [[], {}, [1, { a: [{}] }]],
    { a: { b: [] }, c: 1 },
  ])
    for (const text of [JSON.stringify(value), ` ${JSON.stringify(value, null, 2)}\n`])
      assert.equal(jsonErrorOffset(text), text.length, text);
});
