import { test } from "node:test";
import assert from "node:assert/strict";
import { load, unitsOf } from "./host.mjs";
import { compileUnit, loadUnits, saveUnits } from "../src/link/units.js";

const log = (globalThis.log = []);
const logged = () => log.splice(0).join(" ");

test("imports of every form", async () => {
  const ns = await load({
    "main.js": `import d, { a, b as c } from "./lib.js"; import * as all from "./lib.js"; export default [d, a, c, all.a, all.default];`,
    "lib.js": `export default "D"; export const a = "A"; const x = "B"; export { x as b };`,
  });
  assert.deepEqual(ns.default, ["D", "A", "B", "A", "D"]);
});

test("bindings are live, and importers cannot assign to them", async () => {
  const ns = await load({
    "main.js": `import { n, up } from "./n.js"; up(); let error; try { n = 5 } catch (e) { error = e } export default [n, error.constructor];`,
    "n.js": `export let n = 1; export function up() { n++ }`,
  });
  assert.deepEqual(ns.default, [2, TypeError]);
});

test("local names hide imported ones", async () => {
  const ns = await load({
    "main.js": `import { x } from "./x.js";
      const out = [];
      out.push(x, { x }.x, { x: 1 }.x, ((x) => x)(2), (() => { var x = 3; return x })(), (() => { { let x = 4; return x } })());
      for (const x of [5]) out.push(x);
      try { throw 6 } catch (x) { out.push(x) }
      out.push((function x() { return typeof x })(), new (class { x = 7; y = x })().y, ((a = x) => { var x = 0; return a })(), ((a) => { switch (a) { case 1: let x = 8; return x } })(1));
      lab: for (;;) { break lab }
      export default out;`,
    "x.js": `export const x = "x";`,
  });
  assert.deepEqual(ns.default, ["x", "x", 1, 2, 3, 4, 5, 6, "function", "x", "x", 8]);
});

test("calls of imports have no receiver, also after a line without a semicolon", async () => {
  const ns = await load({
    "main.js": `import { f, tag } from "./f.js"\nconst a = f\nf()\nif (a) f()\nexport default [f(), tag\`x\`, f?.()]`,
    "f.js": `export function f() { return this } export function tag() { return this }`,
  });
  assert.deepEqual(ns.default, [undefined, undefined, undefined]);
});

test("destructuring into imports and shorthand with defaults", async () => {
  const ns = await load({
    "main.js": `import { x } from "./x.js"; let e1, e2; try { ({ x } = { x: 1 }) } catch (e) { e1 = e.name } try { [x = 2] = [] } catch (e) { e2 = e.name } const { y = x } = {}; export default [e1, e2, y];`,
    "x.js": `export let x = 9;`,
  });
  assert.deepEqual(ns.default, ["TypeError", "TypeError", 9]);
});

test("cycles: hoisted functions are there, other bindings are in their dead zone", async () => {
  await load({
    "main.js": `import "./b.js"; export function early() { return "early" } export const late = 1;`,
    "b.js": `import { early, late } from "./main.js"; log.push(early()); try { late } catch (e) { log.push(e.name) }`,
  });
  assert.equal(logged(), "early ReferenceError");
});

test("modules run once, in order, and those that await do not hold up their siblings", async () => {
  await load({
    "main.js": `import "./a.js"; import "./b.js"; import "./a.js"; log.push("main");`,
    "a.js": `log.push("a1"); await null; log.push("a2");`,
    "b.js": `log.push("b");`,
  });
  assert.equal(logged(), "a1 b a2 main");
});

test("export * leaves out default, joins the same binding and refuses two", async () => {
  const files = {
    "all.js": `export * from "./a.js"; export * from "./b.js"; export * as ns from "./a.js";`,
    "a.js": `export { same } from "./c.js"; export const one = 1, both = 1; export default 0;`,
    "b.js": `export { same } from "./c.js"; export const two = 2, both = 2;`,
    "c.js": `export const same = "same";`,
  };
  const ns = await load({ "main.js": `import * as all from "./all.js"; export default Object.keys(all);`, ...files });
  assert.deepEqual(ns.default, ["ns", "one", "same", "two"]);
  await assert.rejects(
    load({ "main.js": `import { both } from "./all.js";`, ...files }),
    /conflicting star exports for name 'both'/,
  );
  await assert.rejects(load({ "main.js": `import { none } from "./all.js";`, ...files }), {
    name: "SyntaxError",
    message: "The requested module './all.js' does not provide an export named 'none'",
  });
});

test("namespace objects are what the standard says", async () => {
  const ns = await load({ "main.js": `export const b = 1; export let a = 2; export default 3;` });
  assert.deepEqual(Reflect.ownKeys(ns), ["a", "b", "default", Symbol.toStringTag]);
  assert.equal(Object.getPrototypeOf(ns), null);
  assert.deepEqual(Object.getOwnPropertyDescriptor(ns, "a"), {
    value: 2,
    writable: true,
    enumerable: true,
    configurable: false,
  });
  assert.equal(Reflect.set(ns, "a", 1), false);
  assert.equal(Reflect.isExtensible(ns), false);
});

test("an error is thrown again to later importers", async () => {
  const ns = await load({
    "main.js": `const errors = []; for (let i = 0; i < 2; i++) try { await import("./bad.js") } catch (e) { errors.push(e) } export default errors;`,
    "bad.js": `log.push("bad"); throw new Error("once");`,
  });
  assert.equal(ns.default.length, 2);
  assert.equal(ns.default[0], ns.default[1]);
  assert.equal(logged(), "bad");
});

test("import() and import.meta", async () => {
  const ns = await load({
    "src/main.js": `const m = await import("../lib/a.js"); export default [m.default, import.meta.url, import.meta.main];`,
    "lib/a.js": `export default [import.meta.url, import.meta.main];`,
  });
  assert.deepEqual(ns.default, [["cordon:///lib/a.js", false], "cordon:///src/main.js", true]);
});

test("a missing module: who, from where, and what was meant", async () => {
  await assert.rejects(
    load({ "main.js": `import "./utlis.js";`, "utils.js": "" }),
    /'\.\/utlis\.js' imported from 'main\.js'\. Did you mean '\.\/utils\.js'\?/,
  );
  await assert.rejects(load({ "main.js": `import "node:fs";` }), /no built-in, npm or remote ones/);
});

test("resolution without extension, through index, and .js for .ts", async () => {
  const ns = await load({
    "main.js": `import a from "./a"; import b from "./lib"; import c from "./c.js"; import d from "bare"; export default [a, b, c, d];`,
    "a.ts": `export default 1 as number;`,
    "lib/index.ts": `export default 2;`,
    "c.ts": `export default 3;`,
    bare: `export default 4;`,
  });
  assert.deepEqual(ns.default, [1, 2, 3, 4]);
});

test("JSON, text and data, with import attributes checked", async () => {
  const files = { "d.json": `{"a":1}`, "t.txt": "text", "b.bin": new Uint8Array([1]) };
  const ns = await load({
    "main.js": `import d from "./d.json" with { type: "json" }; import t from "./t.txt"; import b from "./b.bin"; export default [d.a, t, b[0]];`,
    ...files,
  });
  assert.deepEqual(ns.default, [1, "text", 1]);
  await assert.rejects(
    load({ "main.js": `import t from "./t.txt" with { type: "json" };`, ...files }),
    /is of type text/,
  );
});

test("default exports have the name default", async () => {
  for (const source of [
    "export default () => {}",
    "export default function () {}",
    "export default async function* () {}",
    "export default class {}",
    "export default (class {})",
  ])
    assert.equal((await load({ "main.js": source })).default.name, "default", source);
  assert.equal(
    (await load({ "main.js": "log.push(f()); export default function f() { return 1 }" })).default.name,
    "f",
  );
  logged();
});

test("names of ours do not collide with the user's", async () => {
  const ns = await load({
    "main.js": `import { x } from "./x.js"; const $imports = 1, $module = 2, $default = 3; export default [x, $imports, $module, $default];`,
    "x.js": `export const x = 0;`,
  });
  assert.deepEqual(ns.default, [0, 1, 2, 3]);
});

test("code mode is recognised, with imports and helpers before it", async () => {
  for (const source of [
    "async ({ input }) => 1;",
    "// c\n(async () => { 1 });",
    "async function ({ input }) { return 1 }",
    "function main() {}",
    "const k = 1; () => k",
    "#!/usr/bin/env node\n() => 1",
  ]) {
    const { units, job } = unitsOf({ main: source });
    compileUnit(units.get("main"), job);
    assert.equal(units.get("main").compiled?.expression, true, source);
  }
  for (const source of ["(async () => {})()", "const f = () => 1;", "export default () => 1"]) {
    const { units, job } = unitsOf({ main: source });
    compileUnit(units.get("main"), job);
    assert.equal(units.get("main").compiled.expression, false, source);
  }
});

test("TypeScript without a word about it", () => {
  const { units, job } = unitsOf({ main: "async ({ input }: { input: any }) => input as string" });
  compileUnit(units.get("main"), job);
  assert.equal(units.get("main").type, "ts");
});

test("the compiled form comes back from its text", () => {
  const files = {
    "main.ts": "import { a } from './a.js'; export default (): number => a;",
    "a.js": "export const a = 1;",
  };
  const first = unitsOf(files);
  first.units.forEach((unit) => compileUnit(unit, first.job));
  const second = unitsOf(files);
  assert.equal(loadUnits(second.units, saveUnits(first.units)), true);
  assert.deepEqual(second.units.get("main.ts").compiled, first.units.get("main.ts").compiled);
  assert.equal(loadUnits(second.units, "{}"), false);
});
