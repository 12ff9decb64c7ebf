#!/usr/bin/env python3
"""Every accepted shape of code, every kind of module, and what each mistake is answered with."""

import base64

import cordon
import tap

WASM_ADD = bytes([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100,
                  0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11])

ANY = object()


def case(name, code, value=ANY, *, code_is=None, says=(), place=None, logs=None, options=(), **how):
    """A program and how it ends: `value`, or failed with `code_is`. `place` is (file, line, column) of its error."""
    return dict(name=name, code=code, value=value, code_is=code_is, says=says, place=place, logs=logs,
                options=options, how=how)


INPUT = ("--input", '{"n":20}')

SHAPES = [
    case("arrow", "({ input }) => input.n + 1", 21, options=INPUT),
    case("arrow with block and semicolon", "({ input }) => { return input.n * 2; };", 40, options=INPUT),
    case("async arrow", "async ({ input }) => { await null; return [input.n]; }", [20], options=INPUT),
    case("async arrow, one bare parameter", "async x => x.input.n", 20, options=INPUT),
    case("function expression", "(function ({ input }) { return input; })", {"n": 20}, options=INPUT),
    case("async function expression", "async function ({ input }) { return input.n; }", 20, options=INPUT),
    case("named function alone", "async function main({ input }) { return input.n; }", 20, options=INPUT),
    case("generator of helpers before an arrow", "const twice = (x) => 2 * x;\nasync ({ input }) => twice(input.n)", 40,
         options=INPUT),
    case("imports before an arrow", "import { twice } from './lib.js';\n({ input }) => twice(input.n)", 40,
         options=INPUT, files={"lib.js": "export const twice = (x) => 2 * x;"}),
    case("comments before and after", "/* a */ // b\n({ input }) => input.n // c\n", 20, options=INPUT),
    case("module, default function (input, ctx)",
         "export default async function (input, ctx) { return [input.n, typeof ctx.waitUntil]; }", [20, "function"],
         options=INPUT),
    case("module, default arrow", "export default (input) => input.n - 1;", 19, options=INPUT),
    case("module, `export { f as default }`", "const f = () => 'f';\nexport { f as default };", "f"),
    case("waitUntil work ends before the run does",
         "export default (input, ctx) => { ctx.waitUntil((async () => { await new Promise((r) => setTimeout(r, 1)); "
         "console.log('late'); })()); return 1; };", 1, logs=["late"]),
    case("fetch module, Response.json",
         "export default { async fetch(request, env, ctx) { const { n } = await request.json(); "
         "return Response.json({ n, method: request.method, env: Object.keys(env) }, { status: 201 }); } };",
         {"status": 201, "headers": {"content-type": "application/json"},
          "body": {"n": 20, "method": "POST", "env": []}}, options=INPUT),
    case("fetch module, request described by the input",
         "export default { fetch: async (r) => new Response([r.method, r.url, r.headers.get('x-a'), await r.text()]"
         ".join(' ')) };",
         {"status": 200, "headers": {"content-type": "text/plain;charset=UTF-8"},
          "body": "PUT https://example.com/p?q=1 b body"},
         options=("--input", '{"url":"https://example.com/p?q=1","method":"PUT","headers":{"x-a":"b"},"body":"body"}')),
    case("fetch module, bytes", "export default { fetch: () => new Response(new Uint8Array([1, 2, 255])) };",
         {"status": 200, "headers": {}, "body": {"base64": "AQL/"}}),
    case("`this` in fetch is the object",
         "export default { greeting: 'hi', fetch() { return new Response(this.greeting); } };",
         {"status": 200, "headers": {"content-type": "text/plain;charset=UTF-8"}, "body": "hi"}),
    case("run(event, step) is reserved", "export default { async run(event, step) { return 1; } };",
         code_is="code.reserved", says=["workflow"]),
    case("no default export", "export const a = 1;", code_is="code.no_entry", says=["no default export", "a"]),
    case("CommonJS", "module.exports = () => 1;", code_is="code.no_entry", says=["CommonJS", "export default"]),
    case("default export of the wrong type", "export default 42;", code_is="code.no_entry", says=["number"]),
    case("default export is a class", "export default class {}", code_is="code.no_entry", says=["class"]),
    case("empty source", "", code_is="code.no_entry"),
    case("called on the spot", "(async () => 1)()", code_is="code.no_entry", says=["call"]),
    case("input absent is undefined", "({ input }) => typeof input", "undefined"),
]

MODULES = [
    case("modules of every type",
         """
import { twice } from "./lib/math.js";
import { shout } from "./lib/text.ts";
import config from "./config.json" with { type: "json" };
import readme from "./README.txt";
import blob from "./blob.bin";
import add from "./add.wasm";
import * as all from "./lib/math.js";
export default () => ({
  twice: twice(4), shout: shout("a"), config, readme, blob: [...blob],
  wasm: new WebAssembly.Instance(add).exports.add(40, 2), names: Object.keys(all),
});
""",
         {"twice": 8, "shout": "A!", "config": {"k": [1]}, "readme": "text\n", "blob": [0, 255], "wasm": 42,
          "names": ["default", "twice"]},
         files={"lib/math.js": 'import two from "../two.js"; export const twice = (x) => two * x; export default two;',
                "two.js": "export default 2;",
                "lib/text.ts": "export const shout = (s: string): string => `${s.toUpperCase()}!`;",
                "config.json": '{"k":[1]}', "README.txt": "text\n", "blob.bin": b"\x00\xff", "add.wasm": WASM_ADD}),
    case("import()", "export default async (input) => (await import(`./${input.n}.js`)).default;", "twenty",
         options=INPUT, files={"20.js": "export default 'twenty';"}),
    case("import() in a lone arrow", "async () => (await import('./a.js')).default", 1,
         files={"a.js": "export default 1;"}),
    case("top-level await", "const a = await Promise.resolve(3);\nimport b from './b.js';\nexport default () => [a, b];",
         [3, 4], files={"b.js": "export default await new Promise((r) => setTimeout(r, 1, 4));"}),
    case("a cycle", "import { a } from './a.js';\nexport default () => a();", "a of b",
         files={"a.js": "import { b } from './b.js';\nexport const a = () => `a of ${b}`;\nexport const name = 'b';",
                "b.js": "import * as back from './a.js';\nexport const b = 'b';\nexport const late = () => back.name;"}),
    case("a cycle read too early", "import { a } from './a.js';\nexport default () => a;",
         code_is="code.exception", says=["a"],
         files={"a.js": "import { b } from './b.js';\nexport const a = b;",
                "b.js": "import { a } from './a.js';\nexport const b = a;"}),
    case("live bindings", "import { n, up } from './c.js';\nexport default () => { up(); return n; };", 1,
         files={"c.js": "export let n = 0;\nexport const up = () => n++;"}),
    case("a missing module", "import x from './lib/maths.js';\nexport default () => x;",
         code_is="code.module_not_found", says=["./lib/maths.js", "main.js", "lib/math.js"], place=("main.js", 1, ANY),
         files={"lib/math.js": "export default 1;"}),
    case("a missing module by import() can be caught",
         "async () => { try { await import('./x.js'); } catch (e) { return e.message.includes('./x.js'); } }", True),
    case("a missing npm module", "import _ from 'lodash';\nexport default () => _;", code_is="code.module_not_found",
         says=["lodash"]),
    case("a missing export", "import { nope } from './a.js';\nexport default () => nope;", code_is="code.syntax",
         says=["nope", "./a.js"], place=("main.js", 1, 10), files={"a.js": "export const yes = 1;"}),
    case("a wrong import attribute", "import a from './a.js' with { type: 'json' };\nexport default () => a;",
         code_is="code.module_type", says=["./a.js", "json"], place=("main.js", 1, ANY),
         files={"a.js": "export default 1;"}),
    case("a JSON module that is none", "import a from './a.json';\nexport default () => a;", code_is="code.syntax",
         place=("a.json", 2, ANY), files={"a.json": '{"ok": 1,\n "bad": }'}),
    case("a syntax error in another module", "import a from './lib/a.js';\nexport default () => a;",
         code_is="code.syntax", place=("lib/a.js", 2, 15), files={"lib/a.js": "// one\nexport let x =;\n"}),
    case("an error thrown in another module", "import { f } from './lib/a.ts';\nexport default () => f(1);",
         code_is="code.exception", says=["from a"], place=("lib/a.ts", 3, 18),
         files={"lib/a.ts": "type T = number;\nexport function f(x: T): T {\n  throw new Error('from a');\n}"}),
    case("the entry is no code", '{"a":1}', code_is="code.no_entry", name_="main.json"),
]

TS = "interface P { n: number }\nconst f = (p: P): number => p.n as number;\nexport default (input: P): number => f(input)!;"

LANGUAGES = [
    case("TypeScript by name", TS, 20, options=INPUT, name_="main.ts"),
    case("TypeScript by --language", TS, 20, options=(*INPUT, "--language", "ts"), name_="main"),
    case("TypeScript undeclared", TS, 20, options=INPUT, name_="main"),
    case("TypeScript arrow undeclared", "async ({ input }: { input: { n: number } }): Promise<number> => input.n", 20,
         options=INPUT, name_="main"),
    case("TypeScript enum and namespace of types", "enum E { A = 1, B }\nexport default () => [E.B, E[1]];", [2, "A"],
         name_="main.ts"),
    case("JavaScript is not taken for TypeScript", "() => { const a = 1, b = 2, c = 3; return [a < b, c > (1)]; }",
         [True, True], name_="main"),
    case("place of an error in TypeScript",
         "type T = {\n  a: number;\n};\nexport default (input: T): never => { throw new TypeError('here'); };",
         code_is="code.exception", says=["here"], place=("main.ts", 4, 58), name_="main.ts"),
    case("fences", "```js\n({ input }) => input.n\n```\n", 20, options=(*INPUT, "--fences")),
    case("fences name the language", "```typescript\nexport default (i: { n: number }): number => i.n;\n```", 20,
         options=(*INPUT, "--fences"), name_="main"),
    case("fences after prose", "Here is the code:\n\n```js\nexport default () => 'x';\n```\nIt returns x.", "x",
         options=("--fences",)),
    case("a place inside of fences counts the whole text", "```js\n() => {\n  throw new Error('x');\n}\n```",
         code_is="code.exception", place=("main.js", 3, 18), options=("--fences",)),
    case("fences without --fences are template literals, and no entry", "```js\n() => 1\n```", code_is="code.no_entry"),
    case("syntax error", "export default () => {\n  const a = 1;\n  retrun a;\n};", code_is="code.syntax",
         place=("main.js", 3, 10)),
    case("syntax error in an arrow", "() => {\n  let x = ;\n}", code_is="code.syntax", place=("main.js", 2, 11)),
    case("syntax error in TypeScript", "export default function (a: number): number {\n  return a +;\n}",
         code_is="code.syntax", place=("main.ts", 2, ANY), name_="main.ts"),
    case("a runtime error in an arrow", "() => {\n  const o = null;\n  return o.x;\n}", code_is="code.exception",
         says=["null"], place=("main.js", 3, ANY)),
    case("modules are strict", "export default () => { undeclared = 1; };", code_is="code.exception",
         says=["undeclared"]),
    case("arrows are strict", "() => { undeclared = 1; }", code_is="code.exception", says=["undeclared"]),
]


def thrown(name, expression, kind, *says):
    return dict(case(f"thrown: {name}", f"() => {{ throw {expression}; }}", code_is="code.exception", says=says),
                thrown=kind)


THROWN = [
    thrown("Error", "new Error('plain')", None, "plain"),
    thrown("subclass", "new (class Mine extends RangeError { name = 'Mine' })('sub')", None, "sub"),
    thrown("string", "'just text'", "string", "just text"),
    thrown("empty string", "''", "string"),
    thrown("null", "null", "null", "null"),
    thrown("undefined", "undefined", "undefined", "undefined"),
    thrown("number", "42", "number", "42"),
    thrown("BigInt", "7n", "bigint", "7n"),
    thrown("symbol", "Symbol('s')", "symbol", "Symbol(s)"),
    thrown("object", "{ code: 'E1', n: 1 }", "object", "E1"),
    thrown("function", "function named() {}", "function", "named"),
    thrown("DOMException", "new DOMException('dom', 'AbortError')", None, "dom"),
    thrown("with a cause", "new Error('outer', { cause: new Error('inner') })", None, "outer"),
    thrown("AggregateError", "new AggregateError([new Error('one')], 'many')", None, "many"),
    case("an async arrow that throws", "async () => { await null; throw new Error('later'); }",
         code_is="code.exception", says=["later"], place=("main.js", 1, ANY)),
    case("an unhandled rejection", "async () => { Promise.reject(new Error('nobody')); return 1; }",
         code_is="code.unhandled_rejection", says=["nobody"]),
    case("a handled rejection is none", "async () => { await Promise.reject(1).catch(() => {}); return 1; }", 1),
    case("a throw in a timer", "() => new Promise(() => setTimeout(() => { throw new Error('tick'); }, 1))",
         code_is="code.exception", says=["tick"]),
]


def refused(name, expression, *says):
    return case(f"cannot be returned: {name}", f"() => {{ return {expression}; }}", code_is="result.unserializable",
                says=says)


RESULTS = [
    refused("a cycle", "(() => { const a = { b: [] }; a.b.push(a); return a; })()", "cycle", "$.b[0]"),
    refused("a function", "{ f: () => 1 }", "function", "$.f"),
    refused("a function alone", "() => 1", "function"),
    refused("a BigInt", "{ big: [1n] }", "BigInt", "$.big[0]"),
    refused("a symbol", "[Symbol('s')]", "symbol", "$[0]"),
    refused("NaN", "{ x: NaN }", "NaN", "$.x"),
    refused("Infinity", "-Infinity", "Infinity"),
    refused("a Map", "{ m: new Map([[1, 2]]) }", "Map", "$.m"),
    refused("a Set", "new Set([1])", "Set"),
    refused("an Error", "[new Error('x')]", "Error"),
    refused("a promise inside", "{ p: Promise.resolve(1) }", "promise", "$.p"),
    refused("bytes inside", "{ b: new Uint8Array(2) }", "binary", "$.b"),
    refused("a regular expression", "/x/", "RegExp"),
    refused("a WeakMap", "new WeakMap()"),
    refused("a generator", "(function* () { yield 1; })()"),
    refused("a Response", "new Response('x')"),
    case("undefined is null", "() => undefined", None),
    case("no return is null", "() => {}", None),
    case("null", "() => null", None),
    case("undefined members are absent", "() => ({ a: undefined, b: 1 })", {"b": 1}),
    case("undefined in an array is null", "() => [undefined, 1]", [None, 1]),
    case("a Date", "() => ({ at: new Date(0) })", {"at": "1970-01-01T00:00:00.000Z"}),
    case("toJSON", "() => ({ toJSON: () => ({ x: 1 }) })", {"x": 1}),
    case("numbers", "() => [0, -0, 1.5, 1e21, 2 ** 53, -1e-7]", [0, 0, 1.5, 1e21, 2 ** 53, -1e-7]),
    case("text of every kind", r"""() => "\u0000\n\"\\ü日🎉</script>" """, "\0\n\"\\ü日🎉</script>"),
    case("odd keys", """() => ({ "": 1, "a b": 2, __proto__: null, ["__proto__"]: 3, "0": 4 })""",
         {"0": 4, "": 1, "a b": 2, "__proto__": 3}),
    case("a large array", "() => Array.from({ length: 20000 }, (_, i) => i)", list(range(20000))),
    dict(case("bytes", "() => new Uint8Array([0, 1, 254, 255])",
              {"base64": base64.b64encode(bytes([0, 1, 254, 255])).decode()}), kind="bytes"),
    dict(case("an ArrayBuffer", "async () => new Uint8Array([1, 2, 3]).buffer", {"base64": "AQID"}), kind="bytes"),
    dict(case("a view of a part", "() => new Uint8Array([1, 2, 3, 4]).subarray(1, 3)", {"base64": "AgM="}),
         kind="bytes"),
]


def start(c):
    how = dict(c["how"])
    if "name_" in how:
        how["name"] = how.pop("name_")
    return cordon.run(c["code"], *c["options"], **how)


def complaint(c, run):
    flaw = run.flaw()
    if flaw:
        return flaw
    if c["code_is"] is None:
        if run.outcome != "completed" or not (c["value"] is ANY or cordon.same(run.value, c["value"])):
            return f"wanted {c['value']!r}"
        if run.value_kind != c.get("kind", "json"):
            return f"value_kind is {run.value_kind}"
    elif run.outcome != "failed" or run.code != c["code_is"]:
        return f"wanted failed {c['code_is']}"
    missing = [part for part in c["says"] if part not in run.message]
    if missing:
        return f"the message does not say {missing}: {run.message!r}"
    if c["place"]:
        place = (run.error["file"], run.error["line"], run.error["column"])
        if any(wanted is not ANY and got != wanted for got, wanted in zip(place, c["place"])):
            return f"place is {place}, wanted {tuple('any' if p is ANY else p for p in c['place'])}"
        if not (run.error["frame"] or "").rstrip().endswith("^") or f"{place[1]} |" not in run.error["frame"]:
            return f"no code frame with line {place[1]} and a caret: {run.error['frame']!r}"
    if "thrown" in c and (run.error["thrown"] or {}).get("type") != c["thrown"]:
        return f"thrown is {run.error['thrown']}"
    if c["logs"] is not None and run.texts != c["logs"]:
        return f"logs are {run.texts}"
    return None


def test(t):
    cordon.adopt()
    cases = SHAPES + MODULES + LANGUAGES + THROWN + RESULTS
    runs = cordon.together([lambda c=c: start(c) for c in cases])
    for c, run in zip(cases, runs):
        why = complaint(c, run)
        t.ok(why is None, c["name"], f"{why}\n{run}")
    by_name = {c["name"]: run for c, run in zip(cases, runs)}
    cause = (by_name["thrown: with a cause"].error or {}).get("cause") or {}
    t.equal(cause.get("message"), "inner", "the cause of an error is told")
    t.has((by_name["an error thrown in another module"].error or {}).get("stack"), "    at f (lib/a.ts:3:18)",
          "the stack is in the user's own lines and columns")
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
