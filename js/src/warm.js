// Touches what runs touch first, so that every sandbox finds it parsed, compiled and in shared memory.
import { describe } from "./errors/describe.js";
import { knowUnits } from "./errors/place.js";
import { host, setHost } from "./host.js";
import { answer, pendingOperations } from "./operations.js";
import { next, quick, reset, solo, start } from "./run.js";
import { removeWebAssembly } from "./globals/wasm.js";
import { clearAllTimers } from "./timers.js";
import { dataOf } from "./inspect/data.js";
import { formatArguments } from "./inspect/format.js";
import { Linker, namespaceOf } from "./link/linker.js";
import { quickScript } from "./link/quick.js";
import { compileUnit, loadUnits, makeUnits, saveUnits } from "./link/units.js";
import { toJson } from "./result.js";
import { clone } from "./globals/structured-clone.js";

const typescript = `
import { join, type Shape } from "./lib";
import data from "./data.json" with { type: "json" };
interface Item<T> { readonly name: string; values?: T[] }
type Key = keyof Item<number> | "other";
enum Color { Red, Green = 2 }
abstract class Base<T> { constructor(protected readonly item: T, private count = 0) {} abstract get(): T | undefined }
class Counter extends Base<number> implements Iterable<number> {
  static #made = 0;
  get(): number { return this.item satisfies number }
  *[Symbol.iterator](): Iterator<number> { for (let i = 0; i < 3; i++) yield i }
}
export const helper = async <T,>(list: Item<T>[], ...rest: unknown[]): Promise<Record<string, T[]>> => {
  const out: Record<string, T[]> = {};
  for (const { name, values = [] } of list) out[name] ??= [...values] as T[];
  try { if (rest.length > 1 && !out.x) throw new TypeError(\`bad \${rest[0]}\`) } catch (error: any) { console.debug(error) }
  switch (Color.Red as Color) { case Color.Green: break; default: label: do { continue label } while (false) }
  return out!;
};
export default async function (input: { a?: number }, ctx: any) {
  const counter = new Counter(input?.a ?? 1);
  const words = "one two".split(/\\s+/g).map((word: string) => word.toUpperCase()).filter(Boolean);
  return { ...data, words, items: await helper([{ name: "x", values: [1, 2] }]), text: join(words), sum: [...counter].reduce((a, b) => a + b, 0) };
}
`;
const library = `export type Shape = { a: number };
export function join(parts) { return parts.join("-") }
export * from "./more.js";
`;
const more = `export const value = 1; let later = 2; export { later as renamed }; export class Thing {}`;
const codeMode = `async ({ input, env }) => { const { a = 1 } = input ?? {}; const r = await Promise.all([a, 2].map(async (x) => x * 2)); return { r, text: \`\${a}\` } }`;

const module = (name, source) => ({ name, type: "auto", source });

const job = {
  main: "warm.ts",
  modules: [
    module("warm.ts", typescript),
    module("lib.ts", library),
    module("more.js", more),
    module("data.json", '{"d":1}'),
  ],
  language: "",
  fences: true,
  wasm: false,
};

function link(compiled) {
  const units = makeUnits(job);
  knowUnits(units);
  if (compiled) loadUnits(units, compiled);
  units.forEach((unit) => compileUnit(unit, job));
  const { record } = new Linker(units, job).run("warm.ts");
  const namespace = namespaceOf(record);
  return { units, saved: saveUnits(units), entry: namespace.default };
}

function failures(units) {
  knowUnits(units);
  const error = host.evaluate(`"use strict";(() => { try { null.x } catch (error) { return error } })`, "warm.ts", 1)();
  describe(error);
  describe(new AggregateError([new TypeError("a", { cause: 1 })], "b"));
  describe("text");
  const broken = makeUnits({ ...job, modules: [module("warm.ts", "export default (a: => {")] });
  knowUnits(broken);
  broken.forEach((unit) => {
    compileUnit(unit, job);
    describe(unit.error);
  });
  formatArguments(["%s %d %o", "a", 1, { error }, error]);
}

function globals() {
  const url = new URL("../b?c=d#e", "https://user@example.com:8080/a/x");
  url.searchParams.append("f", "ü");
  void url.href;
  const value = {
    a: [1, "two", null, { b: new Date(0) }],
    m: new Map([[1, new Set([2])]]),
    u: new Uint8Array(4),
    s: "x".repeat(100),
  };
  clone({ ...value, e: new Error("x"), r: /x/ });
  formatArguments([value, "text", [1, 2, 3], () => {}, class A {}, new Headers({ a: "b" }), url, undefined]);
  dataOf([value]);
  toJson({ a: [1, "two", null, true, { b: 1.5 }], d: new Date(0) });
  new TextDecoder().decode(new TextEncoder().encode("ü€"));
  atob(btoa("abc"));
  const request = new Request("https://example.com/", { method: "POST", body: "{}", headers: { a: "b" } });
  void request.clone().signal.aborted;
  void Response.json({ a: 1 }).headers.get("content-type");
  new AbortController().abort();
  AbortSignal.any([new AbortController().signal]);
  new EventTarget().dispatchEvent(new CustomEvent("x", { detail: 1 }));
}

function intl() {
  const date = new Date(0);
  date.toLocaleString("en-US", { timeZone: "UTC" });
  date.toLocaleDateString("en-US");
  date.toLocaleTimeString("en-US");
  (1234567.891).toLocaleString("en-US");
  new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).format(1);
  new Intl.DateTimeFormat("en-US", { dateStyle: "full", timeStyle: "short", timeZone: "UTC" }).format(date);
  new Intl.PluralRules("en-US").select(1);
  new Intl.RelativeTimeFormat("en-US").format(-1, "day");
  new Intl.ListFormat("en-US").format(["a", "b"]);
  ["b", "ä"].sort(new Intl.Collator("en-US").compare);
  "ä".localeCompare("b");
  "ä".normalize("NFD").toLocaleUpperCase("en-US");
  /\p{L}+/u.test("ä");
}

// Whole runs, with a host that keeps everything to itself. What is left of them when warm() returns is done by
// microtasks, which end before the host does anything else.
const worker = {
  main: "main",
  modules: [module("main", "export default { async fetch(request) { return Response.json(await request.json()) } }")],
  input: '{"a":1}',
};
const rehearsals = [
  { main: "main", modules: [module("main", codeMode)], input: '{"a":1}' },
  { main: "main", modules: [module("main", "() => 1")] },
  {
    main: "main",
    modules: [
      module(
        "main",
        `async ({ input }: { input: { a?: number } }) => { console.log("a", input); return { a: input.a as number } }`,
      ),
    ],
    input: "{}",
  },
  { main: "main", modules: [module("main", "async () => { throw new TypeError('x') }")] },
  { main: "main", modules: [module("main", "export default {")] },
  worker,
  {
    main: "main",
    modules: [
      module(
        "main",
        "export default async () => { setTimeout(() => {}, 1); return (await fetch('https://example.com/')).status }",
      ),
    ],
  },
  job,
];

async function rehearse() {
  const real = host;
  let saved;
  const quiet = {
    ...real,
    log() {},
    result() {},
    fail() {},
    exhausted() {},
    operation: () => -1,
    compiled: (text) => (saved = text),
  };
  setHost(quiet);
  try {
    for (const part of [...rehearsals, ...rehearsals.slice(0, 3)]) {
      await rehearseOne({ language: "", fences: false, eval: false, ...part, wasm: true });
      if (saved !== undefined) await rehearseOne({ language: "", fences: false, ...part, wasm: true, compiled: saved });
      saved = undefined;
    }
    for (let i = 0; i < 3; i++) {
      quick("main", codeMode, '{"a":1}', 10);
      await settled();
      saved = undefined;
      await rehearseOne({ language: "", fences: false, eval: false, ...worker, wasm: true });
      solo("main", saved, worker.input, 10, worker.modules[0].source);
      await settled();
    }
  } finally {
    setHost(real);
    removeWebAssembly();
  }
}

async function rehearseOne(part) {
  start(part);
  await settled();
}

async function settled() {
  // As the host would: microtasks, then next(), until nothing happens any more.
  for (let i = 0; i < 30; i++) await undefined;
  next();
  pendingOperations();
  answer(-1, 0, '{"status":200,"headers":[["a","b"]],"body":"YQ=="}');
  for (let i = 0; i < 30; i++) await undefined;
  next();
  clearAllTimers();
  reset();
}

export function warm() {
  const { units, saved, entry } = link();
  link(saved);
  host.evaluate(quickScript(codeMode), "main", 1)({ input: {} });
  entry({});
  failures(units);
  globals();
  intl();
  knowUnits(new Map());
  rehearse();
}
