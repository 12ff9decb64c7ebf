#!/usr/bin/env python3
"""Outputs that must match a JSON Schema: judged in a sandbox, wrong ones end as failed, with the place."""

import time

import cordon
import tap
from daemon import Daemon

ITEMS = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/item"}}},
    "$defs": {"item": {"type": "object", "required": ["price"], "properties": {"price": {"type": "number"}}}},
}

# code, schema, outcome, code of the error, path
CASES = [
    ("a value that matches", "() => ({ items: [{ price: 1 }] })", ITEMS, "completed", None, None),
    ("one that does not", "() => ({ items: [{ price: 1 }, { price: 'x' }] })", ITEMS, "failed", "output.schema",
     "/items/1/price"),
    ("a member missing", "() => ({})", ITEMS, "failed", "output.schema", ""),
    ("prefixItems, as of 2020-12", "() => ['a', 1]", {"prefixItems": [{"type": "string"}, {"type": "string"}]}, "failed",
     "output.schema", "/1"),
    ("a format", "() => 'no address'", {"type": "string", "format": "email"}, "failed", "output.schema", ""),
    ("the schema true", "() => 1", True, "completed", None, None),
    ("the schema false", "() => 1", False, "failed", "output.schema", ""),
    ("text of a Response", "export default { fetch: () => new Response('abc') }", {"required": ["x"]}, "failed",
     "output.schema", ""),
    ("bytes", "() => new Uint8Array(3)", ITEMS, "failed", "output.kind", None),
    ("a schema that is none", "() => 1", {"type": "strng"}, "failed", "output.schema_invalid", None),
    ("a reference to elsewhere", "() => 1", {"$ref": "https://example.com/schema"}, "failed", "output.schema_invalid",
     None),
    ("a schema without end", "() => 1", {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "failed", None,
     None),
    ("code that throws is judged by nobody", "() => { throw new Error('x') }", ITEMS, "failed", "code.exception", None),
    # What is compiled to code must not become code: names that end a string, a comment, a function.
    ("names that try to be code", "() => ({})", {"required": ["'];throw 1;//", "\"]})}//", "\u2028", "${x}"]}, "failed",
     "output.schema", ""),
    ("a member named __proto__", "() => JSON.parse('{\"__proto__\": 1}')",
     {"properties": {"__proto__": {"type": "string"}}, "additionalProperties": False}, "failed", "output.schema", None),
]


def test(t):
    cordon.adopt()
    with Daemon() as d:
        key = d.key()
        for name, code, schema, outcome, error, path in CASES:
            r = d.run(code, key, output_schema=schema)
            why = r["error"] or {}
            t.ok(r["outcome"] == outcome and (error is None or why.get("code") == error)
                 and (path is None or why.get("path") == path), name, r)
            if error and error.startswith("output."):
                t.equal(why.get("class"), "semantic", f"{name}: its class")
                t.equal(r["value"], None, f"{name}: no value is given")
        heavy = {"type": "array", "uniqueItems": True}
        r = d.run("() => Array.from({ length: 100000 }, (_, i) => i)", key, output_schema=heavy)
        t.equal((r["outcome"], r["error"]["code"]), ("failed", "output.unjudged"), "judging has ceilings of its own")
        t.equal(d.run("() => 1", key, output_schema=[1]).status, 400, "a schema is an object, true or false")
        t.equal(d.run("() => 1", key, output_schema={"description": "x" * 70000}).status, 400, "of at most 64 KiB")
        r = d.ask("POST", "/v1/runs", {"code": "() => Array.from({ length: 100000 }, (_, i) => i)",
                                       "output_schema": heavy}, key=key, headers={"Prefer": "respond-async"})
        time.sleep(0.3)
        d.ask("DELETE", f"/v1/runs/{r['run']}", key=key)
        r = d.wait(r["run"], key)
        t.equal((r["outcome"], r["termination"]["reason"]), ("terminated", "cancelled"), "it can be cancelled meanwhile")
        t.equal(r["value"], None, "and gives no value then")
        t.equal(d.stop(), 0, "it stops")
        t.equal(cordon.left_behind(), [], "and leaves nothing behind")


if __name__ == "__main__":
    tap.main(test)
