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
import { quickCheck, quickScript } from "./link/quick.js";
import { compileUnit, loadUnits, makeUnits, saveUnits } from "./link/units.js";
import { jsonParse } from "./primordials.js";
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
// What agents write most, built-ins included: the engine compiles those written in JavaScript on first use.
const codeMode = `async ({ input, env }) => {
  const { a = 1, list = [3, 1, 2], ...rest } = input ?? {};
  const doubled = await Promise.all(list.map(async (x) => x * 2));
  const groups = new Map(), seen = new Set();
  for (const [i, x] of doubled.entries()) {
    if (seen.has(x)) continue;
    const group = groups.get(x % 2) ?? { count: 0, total: 0, ids: new Set() };
    group.count += 1;
    group.total += x;
    group.ids.add("id-" + i);
    groups.set(x % 2, group);
    seen.add(x);
  }
  const rows = [...groups].map(([key, g]) => ({ key, count: g.count, mean: Math.round(g.total / g.count), ids: [...g.ids].sort() }))
    .filter((row) => row.count > 0 && row.ids.some(Boolean)).sort((x, y) => y.count - x.count || x.key - y.key);
  const words = "one,two;three four".split(/[,;\\s]+/).map((w) => w.trim().replace(/^./, (c) => c.toUpperCase())).join(" ");
  const by = Object.fromEntries(Object.entries({ a, ...rest }).map(([k, v]) => [k.padEnd(3), String(v).slice(0, 5)]));
  const sum = list.reduce((x, y) => x + y, 0), found = rows.find((row) => row.key === 0), flat = [[1], [2]].flatMap((x) => x);
  let text = "";
  try {
    text = JSON.stringify(JSON.parse('{"x":[1,2,{"y":null}]}'));
    list.forEach((x) => { if (x > 100) throw new RangeError("big") });
  } catch (error) { text = error.message }
  return { rows, words, by, sum, found: found !== undefined, flat: flat.concat(Array.from({ length: 2 }, (_, i) => i)), at: new Date(0).toISOString(), price: (12.5).toFixed(2), text: \`\${a}:\${text}\` };
}`;

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

const ROUNDS = 3;

async function withQuietHost(play) {
  const real = host;
  const saved = { text: undefined };
  setHost({
    ...real,
    log() {},
    result() {},
    fail() {},
    exhausted() {},
    operation: () => -1,
    compiled: (text) => (saved.text = text),
  });
  try {
    await play(saved);
  } finally {
    setHost(real);
    removeWebAssembly();
  }
}

const defaults = { language: "", fences: false, eval: false, wasm: true };

async function playAll(saved) {
  for (const part of [...rehearsals, ...rehearsals.slice(0, 3)]) {
    saved.text = undefined;
    await rehearseOne({ ...defaults, ...part });
    if (saved.text !== undefined) await rehearseOne({ ...defaults, ...part, compiled: saved.text });
  }
}

async function playCommonest(saved) {
  touch();
  quick("main", codeMode, '{"a":1}', 10);
  await settled();
  await rehearseOne({ ...defaults, ...worker });
  solo("main", saved.text, worker.input, 10, worker.modules[0].source);
  await settled();
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

let failure = null;

function play(parts) {
  withQuietHost(parts).catch((error) => (failure = { error }));
}

// What nearly every run needs comes first, so that it lies together in memory: a sandbox copies each page it
// writes to.
export function warm() {
  play(async (saved) => {
    for (let i = 0; i < ROUNDS; i++) await playCommonest(saved);
    const { units, saved: compiled, entry } = link();
    link(compiled);
    entry({});
    failures(units);
    globals();
    intl();
    knowUnits(new Map());
    await playAll(saved);
  });
}

// The commonest runs once more, after the host has collected the garbage of warm(): a collection leaves every block
// of the heap to be swept by whoever allocates in it first, and that should not be each sandbox anew. Throws if
// warm() failed.
export function rehearse() {
  if (failure !== null) throw failure.error;
  play(async (saved) => {
    for (let i = 0; i < ROUNDS; i++) await playCommonest(saved);
  });
}

// In each sandbox while it waits for work: what every run does first, so that the pages that it writes to are its own
// by the time that somebody waits for it. More than this would cost more memory than it saves time.
export function touch() {
  const script = quickScript("() => 1");
  host.isSyntax(quickCheck(script));
  host.evaluate(script, "main", 1);
  jsonParse('{"a":[1,"b"]}');
}
