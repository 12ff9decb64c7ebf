import { test } from "node:test";
import assert from "node:assert/strict";
import { quickScript } from "../src/link/quick.js";

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
