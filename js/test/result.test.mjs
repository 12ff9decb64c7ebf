import { test } from "node:test";
import assert from "node:assert/strict";
import "./host.mjs";
import { toJson } from "../src/result.js";

test("plain data is written as JSON.stringify does", () => {
  const value = {
    a: [1, "two", null, true, { "b c": -1.5e300 }],
    d: new Date(0),
    u: undefined,
    e: {},
    f: [],
    box: new Number(3),
    s: '\ud800\u2028"',
  };
  assert.equal(toJson(value), JSON.stringify(value));
  assert.equal(toJson(undefined), "null");
  assert.equal(toJson([undefined]), "[null]");
  assert.equal(toJson({ toJSON: () => ({ x: 1 }) }), '{"x":1}');
});

test("what JSON cannot say is an error that names the place and the remedy", () => {
  const cycle = { a: {} };
  cycle.a.b = [cycle];
  const cases = [
    [{ a: { b: [1, 2, 3, 1n] } }, /BigInt \(1n\) at \$\.a\.b\[3\].*String\(value\)/],
    [{ n: NaN }, /NaN at \$\.n/],
    [[-Infinity], /-Infinity at \$\[0\]/],
    [{ "x y": () => {} }, /a function at \$\["x y"\]/],
    [new Map(), /a Map at \$\. .*fromEntries/],
    [{ s: new Set() }, /a Set at \$\.s/],
    [{ s: Symbol("q") }, /symbol \(Symbol\(q\)\) at \$\.s/],
    [cycle, /a cycle \(the same object as \$\) at \$\.a\.b\[0\]/],
    [{ p: Promise.resolve() }, /a promise at \$\.p.*Await/],
    [{ e: new Error("x") }, /an Error at \$\.e/],
    [{ b: new Uint8Array(1) }, /binary data \(Uint8Array\) at \$\.b/],
    [
      {
        toJSON() {
          throw new Error("no");
        },
      },
      /toJSON\(\) threw "no"/,
    ],
    [
      {
        get g() {
          throw new Error("no");
        },
      },
      /the property "g", which threw "no"/,
    ],
    [Array(2), /a hole in an array at \$\[0\]/],
  ];
  for (const [value, message] of cases) assert.throws(() => toJson(value), message);
  let deep = 1;
  for (let i = 0; i < 600; i++) deep = [deep];
  assert.throws(() => toJson(deep), /more than 500 levels/);
});

test("user code that changed the builtins changes nothing", () => {
  const { stringify } = JSON;
  JSON.stringify = () => "tampered";
  const { push } = Array.prototype;
  Array.prototype.push = () => 0;
  Object.defineProperty(Array.prototype, "0", {
    set() {
      throw new Error("setter");
    },
    configurable: true,
  });
  try {
    assert.equal(toJson({ a: ["x", { b: 1 }] }), '{"a":["x",{"b":1}]}');
  } finally {
    JSON.stringify = stringify;
    Array.prototype.push = push;
    delete Array.prototype[0];
  }
});
