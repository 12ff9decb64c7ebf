import { test } from "node:test";
import assert from "node:assert/strict";
import { Script } from "node:vm";
import { quickCheck, quickScript } from "../src/link/quick.js";

test("function expressions take the short way", () => {
  for (const source of [
    "async ({ input }) => { return 1 }",
    "  // c\n/* d */ async (a) => ({})",
    "x => x",
    "async x => { }",
    "(a) => { };\n",
    "() => f()",
    "({ a, b: [c] }) => a",
    "function f() {}",
    "async function () {}",
  ])
    assert.equal(typeof quickScript(source), "string", source);
});

test("whatever might run at once, or needs linking, does not", () => {
  for (const source of [
    "(async () => {})()",
    "(function () {}())",
    "async () => import('x')",
    "export default () => {}",
    "const f = () => {}",
    "",
    "// only",
    "function f() {}()",
    "(f)()",
    "(f, g)",
  ])
    assert.equal(quickScript(source), undefined, source);
});

test("text that leaves its parentheses fails in them or in brackets, and none of it runs", () => {
  const isSyntax = (text) => {
    try {
      return Boolean(new Script(text));
    } catch {
      return false;
    }
  };
  for (const source of [
    "() => 1) || (globalThis.escaped = 1, () => {}",
    "() => 1]; globalThis.escaped = 1; () => [{}",
    "() => 1]) || (globalThis.escaped = 1, [() => {}",
    "() => 1]}}}; globalThis.escaped = 1; `;(() => {}",
    "function f() {} /[)] || (globalThis.escaped = 1, () => {}",
    "() => /[)] || (globalThis.escaped = 1, () => {}",
  ]) {
    const script = quickScript(source);
    if (script === undefined) continue;
    assert.ok(!isSyntax(quickCheck(script)) || !isSyntax(script), source);
  }
  for (const source of ["() => ({ a: [1, '#cordo'] })", "async () => { /* ] */ }", "a => a", "() => { } // ]"])
    assert.ok(isSyntax(quickCheck(quickScript(source))), source);
});
