import { test } from "node:test";
import assert from "node:assert/strict";
import { inspect as nodeInspect } from "node:util";
import "./host.mjs";
import { inspect } from "../src/inspect/inspect.js";
import { formatArguments } from "../src/inspect/format.js";
import { dataOf } from "../src/inspect/data.js";

class Foo {
  x = 1;
}

test("values look as in Node", () => {
  const cycle = new Foo();
  cycle.self = cycle;
  const values = [
    1,
    -0,
    10n,
    "it's",
    'a "q"',
    "a\nb",
    null,
    undefined,
    Symbol("s"),
    true,
    [],
    {},
    [1, , 3],
    { a: 1, "b-c": [1, { d: { e: {} } }] },
    new Map([["a", { b: 1 }]]),
    new Set([1, "2"]),
    new Foo(),
    cycle,
    Object.create(null),
    () => {},
    function foo() {},
    class A extends Foo {},
    new Date(0),
    /a\/b/gi,
    new Uint8Array([1, 2]),
    [Foo, "x"],
    {
      get a() {
        return 1;
      },
      set b(_) {},
    },
    { [Symbol("k")]: 1 },
    new Number(3),
    new String("ab"),
    new ArrayBuffer(2),
    Array(3),
    { long: "x".repeat(60), other: "y".repeat(30) },
    async () => {},
    new WeakMap(),
  ];
  for (const value of values) assert.equal(inspect(value), nodeInspect(value));
});

test("printf directives", () => {
  assert.equal(
    formatArguments(["%s-%d-%i-%f-%%-%c!", "a", "42", 3.9, "1.5", "css", "rest", { a: 1 }]),
    "a-42-3-1.5-%-! rest { a: 1 }",
  );
  assert.equal(formatArguments(["100%"]), "100%");
  assert.equal(formatArguments(["%s"]), "%s");
  assert.equal(formatArguments([]), "");
});

test("hostile and endless values are shown, bounded, without running their code", () => {
  let ran = 0;
  const hostile = {
    get a() {
      ran++;
      throw 1;
    },
    toString() {
      ran++;
      return "x";
    },
    toJSON() {
      ran++;
    },
    [Symbol.toPrimitive]() {
      ran++;
    },
  };
  assert.equal(typeof inspect(hostile), "string");
  assert.equal(typeof formatArguments(["%s %d", hostile, hostile]), "string");
  assert.equal(dataOf([hostile]).length > 0, true);
  assert.equal(ran, 0);
  let deep = {};
  for (let i = 0; i < 1e5; i++) deep = { deep, list: Array(50).fill("x".repeat(1000)) };
  assert.ok(inspect(deep, { depth: 100 }).length < 200_000);
  assert.ok(dataOf([deep]).length < 100_000);
  assert.ok(inspect("x".repeat(1e6)).length < 11_000);
  assert.ok(inspect(2n ** 100_000n).length < 100);
});

test("data is always JSON", () => {
  const cycle = {
    a: 1n,
    f() {},
    s: Symbol("x"),
    u: undefined,
    n: NaN,
    d: new Date(0),
    m: new Map([[1, 2]]),
    t: new Set(["y"]),
  };
  cycle.self = cycle;
  assert.deepEqual(JSON.parse(dataOf([cycle, "x"])), [
    {
      a: "1n",
      f: "[Function: f]",
      s: "Symbol(x)",
      u: null,
      n: "NaN",
      d: "1970-01-01T00:00:00.000Z",
      m: [[1, 2]],
      t: ["y"],
      self: "[Circular]",
    },
    "x",
  ]);
});
