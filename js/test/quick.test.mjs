import { test } from "node:test";
import assert from "node:assert/strict";
import { runInThisContext } from "node:vm";
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

test("text that leaves its parentheses fails the check, and none of it runs", () => {
  const evaluate = (script) => runInThisContext(script);
  for (const source of [
    "() => 1) || (globalThis.escaped = 1, () => {}",
    "() => 1]; globalThis.escaped = 1; () => [{}",
    "() => 1]}}}; globalThis.escaped = 1; ()=>{class A{#x;f(){[() => {}",
    "() => 1]}}}; globalThis.escaped = 1; `;(() => {}",
    "() => 1]} static { globalThis.escaped = 1 } g(){[() => {}",
    "() => 1]}}}; globalThis.escaped = 1; ()=>{class A{#cordon;f(){[() => {}",
    "() => 1]}}}; globalThis.escaped = 1; ()=>{class A{#\\u0063ordon;f(){[() => {}",
  ]) {
    const script = quickScript(source);
    const check = quickCheck(script);
    let passes = check !== undefined;
    try {
      if (passes) evaluate(check);
    } catch (error) {
      assert.ok(error instanceof SyntaxError);
      passes = false;
    }
    if (passes) assert.throws(() => evaluate(script), SyntaxError, source);
    assert.equal(globalThis.escaped, undefined, source);
  }
  for (const source of ["() => ({ a: [1, '#cordo'] })", "async () => { /* ] */ }", "a => a"])
    assert.equal(typeof evaluate(quickCheck(quickScript(source))), "function");
});
