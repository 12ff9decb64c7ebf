import { test } from "node:test";
import assert from "node:assert/strict";
import { unitsOf } from "./host.mjs";
import { applyEdits, locate, mapBack, offsetOf } from "../src/link/positions.js";
import { compileUnit } from "../src/link/units.js";
import { frame, placeOfFacts, placeOfGenerated } from "../src/errors/place.js";
import { factsOf } from "../src/errors/failure.js";

test("offsets and lines agree for every kind of line end", () => {
  const text = "a\nbb\r\nccc\u2028d\re";
  assert.deepEqual(locate(text, text.indexOf("e")), { line: 5, column: 1 });
  for (let i = 0; i < text.length; i++) {
    const { line, column } = locate(text, i);
    assert.equal(offsetOf(text, line, column), i);
  }
});

test("edits map back to what they replaced", () => {
  const { text, map } = applyEdits("abcdef", [
    { start: 2, end: 3, text: "XXXX" },
    { start: 0, end: 0, text: "__" },
  ]);
  assert.equal(text, "__abXXXXdef");
  assert.equal(mapBack(map, 2), 0);
  assert.equal(mapBack(map, 8), 3);
  assert.ok(mapBack(map, 6) >= 2 && mapBack(map, 6) <= 3);
});

test("every place of a rewritten module leads back to the user's", () => {
  const source = `import { one,\n  two } from "./x.js";\nexport const here = one(two, MARK);\nexport default function () { return [two(), MARK] }`;
  const { units, job } = unitsOf({ "main.js": source, "x.js": "" });
  const unit = units.get("main.js");
  compileUnit(unit, job);
  const { code } = unit.compiled;
  assert.equal(code.split("\n").length, source.split("\n").length + 1);
  let from = 0;
  for (let at = source.indexOf("MARK"); at >= 0; at = source.indexOf("MARK", at + 1)) {
    from = code.indexOf("MARK", from + 1);
    const { line, column } = locate(code, from);
    assert.deepEqual(placeOfGenerated(unit, line, column), locate(source, at));
  }
});

test("TypeScript columns lead back too", () => {
  const source = `export default (input: { a: number }, n: Array<string>): number => MARK;`;
  const { units, job } = unitsOf({ "main.ts": source });
  const unit = units.get("main.ts");
  compileUnit(unit, job);
  const { line, column } = locate(unit.compiled.code, unit.compiled.code.indexOf("MARK"));
  assert.deepEqual(placeOfGenerated(unit, line, column), locate(source, source.indexOf("MARK")));
});

test("syntax errors have their place, in fences and in TypeScript", () => {
  const check = (name, source, line, column, more) => {
    const { units, job } = unitsOf({ [name]: source }, more);
    const unit = units.get(name);
    compileUnit(unit, job);
    assert.deepEqual(placeOfFacts(factsOf(unit.error)), { line, column }, source);
  };
  check("main.js", "let a;\nlet b = ;", 2, 9);
  check("main.ts", "let a: number;\nlet b: string = ;", 2, 17);
  check("main", "```js\nlet b = ;\n```", 2, 9, { fences: true });
});

test("prose before a fence is passed over when it is no program", () => {
  const { units, job } = unitsOf(
    { main: "Here is the code:\n\n```ts\nexport default (a: number) => a\n```\nEnjoy!" },
    { fences: true },
  );
  compileUnit(units.get("main"), job);
  assert.equal(units.get("main").error, undefined);
});

test("a frame has the lines before and a caret that tabs do not move", () => {
  const { units } = unitsOf({ "main.js": "a\nb\n\tfoo(bar)\nd" });
  assert.equal(frame(units.get("main.js"), 3, 6), "  1 | a\n  2 | b\n> 3 | \tfoo(bar)\n    | \t    ^");
});
