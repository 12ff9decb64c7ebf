#!/usr/bin/env python3
"""The command line as a client of the daemon: every command, which daemon it asks, and answers of any kind."""

import contextlib
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import cordon
import tap
from daemon import Daemon
from fake import Fake, http

KEY = "cordon_key_00000000000000000000000000_c2VjcmV0LXRoYXQtbm9ib2R5LW1heS1zZWU"
SECRET = KEY.rsplit("_", 1)[1]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
EVIL = "\x1b]0;x\x07\x1b[2J\u202egpj.exe\u2066\x9b31m\r\nnext\ttab ü"
SLEEP = "async () => { await new Promise((r) => setTimeout(r, 60000)) }"


class Client:
    """Calls the command line with an environment of its own."""

    def __init__(self, *options, url=None, key=None, **more):
        self.options = options
        self.env = {**os.environ, **more}
        if url is not None:
            self.env["CORDON_URL"] = url
        if key is not None:
            self.env["CORDON_API_KEY"] = key

    def __call__(self, *args, stdin=None, **how):
        return cordon.command([*args, *self.options], stdin=stdin, env=self.env, **how)

    def start(self, *args, stdin=None, **how):
        """Without waiting for its end."""
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        p = subprocess.Popen([str(cordon.binary()), *args, *self.options], stdin=subprocess.PIPE, env=self.env, **how)
        p.stdin.write((stdin or "").encode())
        p.stdin.close()
        p.stdin = None
        return p


def table(text):
    """Rows of a printed table by their headers; columns are where the headers begin."""
    lines = text.splitlines()
    starts = [m.start() for m in re.finditer(r"\S+", lines[0])] + [None]
    cut = [[line[a:b].strip() for a, b in zip(starts, starts[1:])] for line in lines]
    return [dict(zip(cut[0], row)) for row in cut[1:]]


def card(text):
    return {line.split(None, 1)[0]: line.split(None, 1)[1] for line in text.splitlines() if " " in line}


def refused(t, run, status, part, name):
    """An error: the status, nothing on standard output, one line that says what and, mostly, what to do."""
    return t.ok(run.status == status and run.out == "" and part in run.err and run.err.startswith("cordon"), name,
                f"wanted status {status} and {part!r}\n{run}")


def tenants(t, local):
    r = local("tenant", "create", "acme")
    t.equal((r.status, card(r.out)["ID"], card(r.out)["STATE"]), (0, "acme", "active"), "tenant create")
    t.equal(local("tenant", "create", "--tenant", "globex", "--json").data["id"], "globex", "tenant create --json")
    r = local("tenant", "list")
    t.equal([row["ID"] for row in table(r.out)], ["acme", "default", "globex"], "tenant list")
    t.equal([x["id"] for x in local("tenant", "--json").data["tenants"]], ["acme", "default", "globex"],
            "a group's word alone is its list")
    t.equal(card(local("tenant", "suspend", "globex").out)["STATE"], "suspended", "tenant suspend")
    t.equal(local("tenant", "show", "globex", "--json").data["state"], "suspended", "tenant show --json")
    t.equal(card(local("tenant", "resume", "globex").out)["STATE"], "active", "tenant resume")
    r = local("tenant", "delete", "globex")
    t.equal((r.status, r.out, r.err), (0, "", ""), "tenant delete says nothing when it is done")
    refused(t, local("tenant", "show", "globex"), 2, "(not_found)", "tenant show of one that is gone")
    refused(t, local("tenant", "create", "acme"), 2, "exists already (conflict)", "tenant create of one that is there")
    refused(t, local("tenant", "create", "No Such!"), 2, "a-z", "tenant create: what an ID is made of")
    refused(t, local("tenant", "create"), 2, "ID is needed", "tenant create without an ID")
    refused(t, local("tenant", "show", "a", "--tenant", "b"), 2, "different tenants", "two tenants at once")


def keys(t, d, local):
    r = local("key", "create", "--tenant", "acme", "--role", "runner", "--quiet")
    t.ok(r.status == 0 and re.fullmatch(r"cordon_key_\w{26}_[\w-]{43}\n", r.out) and r.err == "",
         "key create --quiet prints the key alone", r)
    runner = r.out.strip()
    r = local("key", "create", "--tenant", "acme", "--role", "operator", "--label", EVIL, "--ttl", "3600")
    shown = card(r.out)
    t.ok(r.status == 0 and shown["ROLE"] == "operator" and shown["EXPIRES"] != "-" and "this once" in r.err,
         "key create shows it, and says that it is the only time", r)
    t.ok(not CONTROL.search(r.out) and "\\x1b" in r.out and "\\u202e" in r.out and "ü" in r.out,
         "a label cannot steer the terminal", repr(r.out))
    r = local("key", "create", "--tenant", "acme", "--role", "auditor", "--json")
    t.equal((r.data["role"], r.data["tenant"]), ("auditor", "acme"), "key create --json")
    rows = table(local("key", "list", "--tenant", "acme").out)
    t.equal([row["ROLE"] for row in rows], ["runner", "operator", "auditor"], "key list")
    t.ok(SECRET not in local("key", "list", "--tenant", "acme", "--json").out, "key list holds no secrets")
    r = local("key", "revoke", r.data["id"], "--tenant", "acme")
    t.equal((r.status, r.out), (0, ""), "key revoke")
    t.ok(table(local("key", "list", "--tenant", "acme").out)[2]["REVOKED"] != "-", "and the list says when")
    r = local("key", "revoke", runner, "--tenant", "acme")
    t.ok(r.status == 2 and runner.rsplit("_", 1)[1] not in r.err and "key list" in r.err,
         "key revoke with the whole key is refused without repeating it", r)
    refused(t, local("key", "create", "--tenant", "acme"), 2, "--role", "key create without a role")
    refused(t, local("key", "create", "--role", "king"), 2, "operator", "key create with another role")
    refused(t, local("key", "create", "--role", "runner", "--tenant", "nobody"), 2, "no such tenant",
            "key create for a tenant that is not there")
    return runner, shown["KEY"]


PROFILE = """
apiVersion: cordon/v1
kind: CapabilityProfile
metadata: {name: small, owner: tests}
spec:
  class: interactive
  tier: standard
  minTrust: 0
  limits: {cpu: 100ms, wall: 2s, memory: 64MiB, output: 64KiB, operations: 10}
  egress: []
"""


def profiles(t, operator, runner, directory):
    path = pathlib.Path(directory) / "small.yaml"
    path.write_text(PROFILE)
    r = operator("profile", "check", path)
    t.equal((r.status, card(r.out)["NAME"]), (0, "small"), "profile check")
    r = operator("profile", "put", path)
    t.equal((r.status, card(r.out)["VERSION"]), (0, "1"), "profile put takes the name of the file")
    r = operator("profile", "put", "-", "--name", "small", "--json", stdin=PROFILE.replace("100ms", "200ms"))
    t.equal((r.status, r.data and r.data["version"]), (0, 2), "profile put from standard input")
    t.equal([row["NAME"] for row in table(operator("profile", "list").out)], ["small", "transform"], "profile list")
    t.equal([row["VERSION"] for row in table(operator("profile", "versions", "small").out)], ["2", "1"],
            "profile versions")
    t.equal(operator("profile", "get", "small", "--version", "1").out, PROFILE, "profile get gives it as it was put")
    t.equal(runner("profile", "get", "small", "--json").data["version"], 2, "profile get --json, as a runner")
    r = runner("profile", "diff", "small@1", "small@2")
    t.ok(r.status == 0 and r.out.startswith("small@2 allows something that small@1 does not\n  for example: ")
         and re.search(r"^\+ .*cpu", r.out, re.M), "profile diff: wider, an example, and what", r)
    r = runner("profile", "diff", "small@2", "small@1")
    t.ok(r.out.startswith("small@1 allows nothing that small@2 does not\n- "), "profile diff the other way", r)
    t.equal(runner("profile", "diff", "small", "small@2", "--json").data, {"wider": False, "witness": None, "differences": []},
            "profile diff --json of the same")
    wide = PROFILE.replace("egress: []", "egress:\n    - {id: e, host: example.com, methods: [GET], paths: ['/a/**']}")
    t.equal(operator("profile", "put", "-", "--name", "small", stdin=wide).status, 0, "profile put of a third version")
    r = runner("profile", "diff", "small@2", "small")
    t.ok(re.search(r"for example: GET https://example.com/a/?", r.out), "profile diff: the example is a request", r)
    refused(t, runner("profile", "diff", "small", "small@9"), 2, "(not_found)", "profile diff with a version that is not there")
    refused(t, runner("profile", "diff", "small"), 2, "A B is needed", "profile diff of one")
    operator("profile", "put", "-", "--name", "small", stdin=PROFILE.replace("100ms", "200ms"))
    r = operator("profile", "check", "-", stdin=PROFILE.replace("egress", "egres"))
    refused(t, r, 2, "egress", "profile check names the mistake and the remedy")
    t.ok(re.search(r"\d+:\d+", r.err), "and its line and column", r)
    refused(t, runner("profile", "put", path), 3, "(auth.role)", "profile put as a runner: 3, may not")
    refused(t, operator("profile", "put", "-", stdin=PROFILE), 2, "--name", "profile put of no file needs a name")
    refused(t, operator("profile", "put", path, "--name", "other"), 2, "(profile.name)", "profile put by another name")
    refused(t, operator("profile", "get", "nothing"), 2, "(not_found)", "profile get of one that is not there")
    refused(t, operator("profile", "put", "/no/such/file"), 2, "cannot read", "profile put of a file that is not there")


def run_outcomes(t, client, directory):
    r = client("run", "-", "--input", '{"a": 21}', stdin="({ input }) => { console.log('seen'); return input.a * 2 }")
    t.ok(r.status == 0 and r.out == "42\n" and "[log] seen" in r.err and re.search(r"^-- run_\w+ completed", r.err, re.M),
         "run: 0 completed, printed as a run of one's own is", r)
    r = client("run", "-", stdin="() => {\n  throw new TypeError('because');\n}")
    t.ok(r.status == 1 and r.out == "" and "TypeError: because" in r.err and "> 2 |" in r.err, "run: 1 failed", r)
    r = client("run", "-", "--profile", "nothing", stdin="() => 1")
    t.ok(r.status == 3 and r.out == "" and "denied (profile.unknown)" in r.err, "run: 3 denied", r)
    r = client("run", "-", "--cpu-ms", "20", stdin="() => { for (;;); }")
    t.ok(r.status == 4 and "terminated (cpu_time)" in r.err and "ceiling 20 ms" in r.err, "run: 4 terminated", r)
    r = client("run", "--json", "--label", "team=blue", "--label", "n=1", "-", stdin="() => 'x'")
    t.ok(r.status == 0 and r.value == "x" and set(r.data) > cordon.KEYS and r.data["labels"] == {"team": "blue", "n": "1"},
         "run --json: what a run of one's own tells, and more", r)
    r = client("run", "--json", "-", "--profile", "small", stdin="() => { for (;;); }")
    t.equal((r.status, r.termination and r.termination["limit"]), (4, 200000), "the ceilings are the profile's")
    (pathlib.Path(directory) / "d.bin").write_bytes(bytes(range(256)))
    (pathlib.Path(directory) / "lib.ts").write_text("export const f = (n: number): number => n + 1;")
    main = pathlib.Path(directory) / "main.ts"
    main.write_text("import { f } from './lib.ts'; import d from './d.bin';\n"
                    "export default () => [f(1), new Uint8Array(d)[255]];")
    journal = pathlib.Path(directory) / "journal"
    r = client("run", "--json", main, "--module", f"lib.ts={directory}/lib.ts", "--module", f"d.bin={directory}/d.bin",
               "--journal", journal)
    t.equal(r.value, [2, 255], "modules go along, bytes as bytes")
    t.equal([json.loads(line)["event"] for line in journal.read_text().splitlines()],
            ["run_admitted", "sandbox_issued", "execution_completed"], "and the journal comes back")
    r = client("run", "-", stdin="() => new Uint8Array([65, 10])")
    t.equal((r.status, r.out), (0, "A\n"), "bytes go to standard output")
    schema = '{"type": "integer"}'
    r = client("run", "--json", "-", "--output-schema", schema, stdin="() => 5")
    t.equal((r.status, r.value), (0, 5), "run --output-schema: a value that matches")
    r = client("run", "-", "--output-schema", schema, stdin="() => 'five'")
    t.ok(r.status == 1 and r.out == "" and "integer" in r.err, "and one that does not", r)
    refused(t, client("run", "-", "--output-schema", "{x}", stdin="() => 5"), 2, "--output-schema is not one JSON", "or no schema")
    big = '{"n": 12345678901234567890123, "s": "\\ud800", "f": 1.10}'
    r = client("run", "--json", "-", "--input", big, stdin="async ({ input }) => JSON.stringify(input.s) + typeof input.n")
    t.equal(r.value, '"\\ud800"number', "the input arrives as it was written")
    r = client("run", "--json", "--seed", "7", "-", stdin="() => [Math.random(), Date.now()]")
    mine = cordon.run("() => [Math.random(), Date.now()]", "--seed", "7")
    t.equal(r.value, mine.value, "the same seed gives the same here and there")
    again = [client("run", "--json", "--idempotency-key", "k1", "-", stdin="() => Math.random()") for _ in range(2)]
    t.ok(again[0].status == 0 and again[0].run == again[1].run, "the same idempotency key is the same run", again[1])
    r = client("run", "--idempotency-key", "k1", "-", stdin="() => 2")
    refused(t, r, 2, "(idempotency.reused)", "with other code it is refused")
    for args, part in ((["--idempotency-key", "a b"], "visible ASCII"), (["--label", "x"], "KEY=VALUE"),
                       (["--seed", "-1"], "whole number")):
        refused(t, client("run", "-", *args, stdin="() => 1"), 2, part, f"usage error: run {' '.join(args)}")
    for option in (["--tier", "regulated"], ["--eval"], ["--jail", "full"], ["--now", "5", "--seed", "1"]):
        refused(t, client("run", "-", *option, stdin="() => 1"), 2, "--local",
                f"{option[0]} is the profile's to say, and the message says what to do")
    r = client("run", "-", "--json", "--tier", "regulated", "--local", stdin="() => 1")
    t.ok(r.status == 2 if "--data" in client.options else "tenant" not in r.data, "--local does without the daemon", r)


def run_hostile(t, client):
    evil = json.dumps(EVIL)
    r = client("run", "-", "--label", f"x={EVIL}", stdin=f"() => {{ console.log({evil}); return {evil}; }}")
    t.ok(r.status == 0 and not CONTROL.search(r.out + r.err) and "\\u202e" in r.out and "ü" in r.out,
         "value and log cannot steer the terminal", repr(r.out + r.err))
    t.ok("\nnext" not in r.err.split("[log]")[1].split("--")[0].replace("\n  | next", ""), "nor a log line pass for another",
         repr(r.err))
    run = re.search(r"run_\w+", r.err).group()
    rows = table(client("runs", "list").out)
    t.ok(rows[0]["RUN"] == run and "\\n" in rows[0]["LABELS"], "a label stays in its cell", rows[0])
    for args in (["runs", "list"], ["runs", "list", "--json"], ["runs", "show", run], ["runs", "show", run, "--json"],
                 ["runs", "events", run]):
        r = client(*args)
        t.ok(r.status == 0 and not CONTROL.search(r.out + r.err), f"nor in {' '.join(args).replace(run, 'ID')}",
             repr(r.out + r.err))
    t.equal(client("runs", "show", run, "--json").value, EVIL, "and as JSON it is what it was")
    r = client("run", "-", stdin=f"() => {{ throw new Error({evil}); }}")
    t.ok(r.status == 1 and not CONTROL.search(r.err), "nor in an error", repr(r.err))


def run_cancelled(t, d, client, key):
    for sig in (signal.SIGINT, signal.SIGTERM):
        p = client.start("run", "-", stdin=SLEEP)
        run = _running(d, key)
        p.send_signal(sig)
        out, err = p.communicate(timeout=60)
        t.ok(p.returncode == 4 and b"terminated (cancelled)" in err and out == b"",
             f"{sig.name} cancels the run, and tells its outcome", (p.returncode, out, err))
        t.equal(d.ask("GET", f"/v1/runs/{run}", key=key)["outcome"], "terminated", "the daemon knows it too")


def live(t, d, client, key):
    """Logs and journal come while the run is under way."""
    code = "async () => { console.log('first'); await new Promise((r) => setTimeout(r, 60000)) }"
    p = client.start("run", "-", stdin=code)
    line = p.stderr.readline()
    run = _running(d, key)
    follower = client.start("runs", "events", run, "--follow")
    first = follower.stdout.readline()
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    t.ok(line == b"[log] first\n" and p.returncode == 4 and b"first" not in err, "a log line is shown as it comes, and once",
         (line, p.returncode, err))
    rest, err = follower.communicate(timeout=60)
    events = [json.loads(line)["event"] for line in (first + rest).splitlines()]
    t.ok(follower.returncode == 0 and events[0] == "run_admitted" and events[-1] == "execution_terminated" and err == b"",
         "runs events --follow goes on until the run is over", (events, err))
    t.equal(client("runs", "events", run, "--follow").out, client("runs", "events", run).out, "and of a run that is over it is all")


def _running(d, key):
    """The run that is under way; it is known as soon as the daemon took it."""
    for _ in range(3000):
        for run in d.ask("GET", "/v1/runs?limit=5", key=key)["runs"]:
            if run["state"] == "running":
                return run["run"]
    raise RuntimeError("no run is under way")


def runs(t, d, client, key):
    a = client("run", "--json", "--label", "batch=1", "-", stdin="() => 1").run
    b = client("run", "--json", "--label", "batch=1", "-", stdin="() => { throw 1 }").run
    rows = table(client("runs", "list", "--label", "batch=1").out)
    t.equal([(r["RUN"], r["OUTCOME"]) for r in rows], [(b, "failed"), (a, "completed")], "runs list, by label, newest first")
    t.ok(re.fullmatch(r"\d+ ms", rows[0]["TOOK"]) and rows[0]["WHY"] == "-", "with how long it took", rows[0])
    t.equal([r["run"] for r in client("runs", "list", "--json", "--outcome", "failed", "--label", "batch=1").data["runs"]],
            [b], "by outcome, as JSON")
    t.equal(client("runs", "list", "--json", "--since", "1h", "--label", "batch=1").data["runs"][0]["run"], b,
            "since an hour ago")
    t.equal(client("runs", "list", "--json", "--until", "1h").data["runs"], [], "until an hour ago: none")
    t.equal(client("runs", "list", "--json", "--until", "2001-02-03T04:05:06Z").data["runs"], [], "until a date")
    r = client("runs", "list", "--label", "batch=1", "--limit", "1")
    cursor = r.err.split("--cursor ")[1].strip()
    t.ok(len(table(r.out)) == 1 and cursor, "a page says how to get the next", r)
    t.equal([x["RUN"] for x in table(client("runs", "list", "--label", "batch=1", "--cursor", cursor).out)], [a],
            "and the next page goes on")
    r = client("runs", "list", "--reason", "cpu_time")
    t.ok(table(r.out)[0]["WHY"] == "cpu_time", "by reason, which the table shows", r)
    r = client("runs", "show", a)
    t.ok(r.status == 0 and card(r.out)["STATE"] == "done" and r.out.endswith("\n1\n"), "runs show: card and value", r)
    t.equal(client("runs", "show", b).status, 0, "runs show of a failed run has done its work")
    t.equal(client("runs", "show", a, "--json").data, d.ask("GET", f"/v1/runs/{a}", key=key).data, "runs show --json")
    lines = client("runs", "events", a).out.splitlines()
    t.ok(len(lines) >= 2 and all(json.loads(line)["run"] == a for line in lines), "runs events", lines)
    refused(t, client("runs", "cancel", a), 2, "(run.over)", "runs cancel of one that is over")
    p = client.start("run", "-", stdin=SLEEP)
    run = _running(d, key)
    t.equal(card(client("runs", "show", run).out)["STATE"], "running", "runs show of one that is under way")
    t.equal(client("runs", "cancel", run).status, 0, "runs cancel")
    _, err = p.communicate(timeout=60)
    t.ok(p.returncode == 4 and b"cancelled" in err, "and who waits for it is told", err)
    refused(t, client("runs", "show", "run_none"), 2, "(not_found)", "runs show of none")
    for args, part in ((["--since", "soon"], "90s"), (["--since", "2026-13-01T00:00:00Z"], "90s"), (["--limit", "501"], "to 500"),
                       (["--outcome", "good"], "completed")):
        refused(t, client("runs", "list", *args), 2, part, f"usage error: runs list {' '.join(args)}")


def artifacts(t, client, operator, directory):
    (pathlib.Path(directory) / "d.bin").write_bytes(bytes(range(256)))
    main = pathlib.Path(directory) / "sum.ts"
    main.write_text("import d from './d.bin';\nexport default (n: number): number => n + new Uint8Array(d).length;\n")
    r = client("artifact", "put", main, "--module", f"d.bin={directory}/d.bin", "--quiet")
    t.ok(r.status == 0 and re.fullmatch(r"sha256:[0-9a-f]{64}\n", r.out), "artifact put --quiet prints the digest alone", r)
    digest = r.out.strip()
    r = client("artifact", "put", main, "--module", f"d.bin={directory}/d.bin")
    t.equal((card(r.out)["ARTIFACT"], card(r.out)["MAIN"]), (digest, "sum.ts"), "the same again is the same")
    r = client("run", "--json", "--artifact", digest, "--input", "1")
    t.equal((r.value, r.data and r.data["artifact"]), (257, digest), "run --artifact")
    r = client("run", "--json", main, "--module", f"d.bin={directory}/d.bin", "--input", "2", "--session", "s-1",
               "--provenance", "model=m", "--provenance", f"author={EVIL}")
    t.equal((r.value, r.data["artifact"], r.data["session"]), (258, digest, "s-1"), "the same code in a run is the same artifact")
    t.equal(r.data["provenance"], {"model": "m", "author": EVIL}, "with its provenance")
    shown = client("runs", "show", r.run)
    t.ok(shown.status == 0 and not CONTROL.search(shown.out) and "s-1" in shown.out, "which runs show shows, made harmless", shown)
    t.equal([x["RUN"] for x in table(client("runs", "list", "--session", "s-1").out)], [r.run], "runs list --session")
    t.equal(len(table(client("runs", "list", "--artifact", digest).out)), 2, "runs list --artifact")
    rows = [r for r in table(client("artifact", "list").out) if r["ARTIFACT"] == digest]
    t.equal([(r["TRUST"], r["RUNS"]) for r in rows], [("0", "1")], "artifact list")
    r = client("artifact", "show", digest)
    t.ok(card(r.out)["TRUST"] == "0" and r.out.endswith("MODULES\nsum.ts\nd.bin\n".replace("sum.ts\nd.bin", "d.bin\nsum.ts")),
         "artifact show", r)
    t.equal(client("artifact", "get", digest).out, main.read_text(), "artifact get: the main module")
    p = client.start("artifact", "get", digest, "d.bin")
    t.equal(p.communicate(timeout=60)[0], bytes(range(256)), "artifact get: another module, byte for byte")
    refused(t, client("artifact", "get", digest, "no.js"), 2, "artifact show", "artifact get: a module that is not there")
    refused(t, client("artifact", "trust", digest, "1"), 3, "(auth.role)", "artifact trust is not a runner's to say")
    t.equal(card(operator("artifact", "trust", digest, "1").out)["TRUST"], "1", "artifact trust")
    refused(t, operator("artifact", "trust", digest, "3"), 2, "validated", "artifact trust: which tiers there are")
    refused(t, client("run", "--artifact", digest, main), 2, "leave out FILE", "run: an artifact and a file")
    refused(t, client("run", "--artifact", digest, "--fences"), 2, "leave out --fences", "run: an artifact and options of code")
    refused(t, client("run", "-", "--provenance", "x", stdin="1"), 2, "--provenance x: KEY=VALUE", "run --provenance")
    refused(t, client("artifact", "put", "/no/such"), 2, "cannot read", "artifact put of no file")
    t.equal(operator("artifact", "delete", digest).status, 0, "artifact delete")
    refused(t, client("artifact", "show", digest), 2, "(not_found)", "and it is gone")
    r = client("run", "--artifact", digest)
    t.ok(r.status == 3 and "artifact.unknown" in r.err, "a run of it is denied", r)


def leases(t, d, client, directory):
    r = client("lease", "create", "--profile", "small", "--ttl", "60", "--session", "s-2", "--quiet")
    t.ok(r.status == 0 and re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", r.out), "lease create --quiet prints the token alone", r)
    holder = Client(url=d.url, key=r.out.strip())
    rows = table(client("lease", "list").out)
    t.equal([(x["STATE"], x["PROFILE"], x["SESSION"], x["EPOCH"]) for x in rows], [("active", "small", "s-2", "1")], "lease list")
    lease = rows[0]["LEASE"]
    r = holder("run", "--json", "-", stdin="() => 7")
    t.equal((r.value, r.data["lease"], r.data["profile"], r.data["session"]), (7, lease, "small", "s-2"),
            "the token as CORDON_API_KEY runs code under the lease")
    t.equal([x["RUN"] for x in table(holder("runs", "list").out)], [r.run], "and lists what ran under it")
    t.equal([x["RUN"] for x in table(client("runs", "list", "--lease", lease).out)], [r.run], "as runs list --lease does")
    refused(t, holder("lease", "list"), 3, "(auth.role)", "it is good for nothing else")
    r = client("lease", "renew", lease, "--epoch", "1", "--ttl", "90")
    t.equal(Client(url=d.url, key=card(r.out)["TOKEN"])("run", "-", stdin="() => 8").out, "8\n", "a renewed lease's token is whole")
    t.ok(card(r.out)["EPOCH"] == "2" and "this once" in r.err, "lease renew", r)
    refused(t, client("lease", "renew", lease, "--epoch", "1"), 2, "(lease.epoch)", "one of two renews")
    refused(t, client("lease", "renew", lease), 2, "--epoch N", "lease renew says what it needs")
    refused(t, holder("run", "-", stdin="() => 7"), 3, "(lease.epoch)", "the token of before is no good")
    r = client("lease", "show", lease, "--json")
    t.ok(r.data["epoch"] == 2 and "token" not in r.data, "lease show has no token", r)
    t.ok("TOKEN" not in client("lease", "show", lease).out, "nor has its card")
    t.equal(client("lease", "revoke", lease).status, 0, "lease revoke")
    t.equal(card(client("lease", "show", lease).out)["STATE"], "revoked", "and shows it")
    path = pathlib.Path(directory) / "count.js"
    path.write_text("let n = 0; export default () => ++n;")
    r = client("lease", "create", "--profile", "small", path, "--json")
    held = Client(url=d.url, key=r.data["token"])
    t.equal([held("run", "--json", "--artifact", r.data["artifact"]).value for _ in range(3)], [1, 2, 3],
            "a lease that holds code serves one run after the other")
    r = held("run", "-", stdin="() => 1")
    t.ok(r.status == 3 and "lease.terms" in r.err, "and runs no other", r)
    digest = client("artifact", "put", path, "--quiet").out.strip()
    r = client("lease", "create", "--profile", "small", "--artifact", digest, "--json")
    t.equal((r.data["hold"], r.data["artifact"]), (True, digest), "lease create --artifact holds one too")
    t.ok("a.b.c" not in Client(url=d.url, key="a.b.c")("run", "-", stdin="1").err, "a token is not repeated in an error")
    refused(t, client("lease", "create"), 2, "--profile NAME", "lease create says what it needs")
    refused(t, client("lease", "create", "--profile", "none"), 2, "(not_found)", "lease create for no profile")
    refused(t, client("lease", "create", "--profile", "small", "--fences"), 2, "--fences", "options of code without code")
    refused(t, client("lease", "create", "--profile", "small", path, "--artifact", digest), 2, "leave out FILE",
            "a file and an artifact")
    refused(t, client("lease", "create", "--profile", "small", "--ttl", "86401"), 2, "to 86400", "a lease too long")


def which_daemon(t, d, key, directory):
    """Option before environment; URL, key, data directory, default."""
    with Fake(http('{"type":"about:blank","title":"Teapot","code":"fake.here","detail":"the fake"}', 418)) as fake:
        there = {"url": d.url, "key": key}
        t.equal(Client(**there)("runs", "list").status, 0, "CORDON_URL and CORDON_API_KEY")
        t.equal(Client("--url", d.url, url=fake.url, key=key)("runs", "list").status, 0, "--url counts more than CORDON_URL")
        t.equal(Client("--data", d.data, url=fake.url, key="wrong")("runs", "list").status, 0,
                "--data counts more than CORDON_URL, and needs no key")
        t.equal(Client("--data", d.data, url="not a URL")("tenant", "list").status, 0, "whatever that is")
        r = Client("--data", d.data, url=fake.url)("run", "--json", "-", stdin="() => 1")
        t.equal((r.value, r.data["tenant"]), (1, "default"), "so does a run")
        r = Client(url=fake.url)("run", "-", stdin="() => 1")
        refused(t, r, 2, "(fake.here)", "CORDON_URL decides where a run goes")
        t.ok(fake.requests and all(b"uthorization" not in q for q in fake.requests), "no key, no such header")
        refused(t, Client("--url", d.url, "--data", d.data)("runs", "list"), 2, "leave out one", "--url and --data at once")
        state = os.path.dirname(d.data)
        os.symlink(d.data, os.path.join(state, "cordon"))
        default = {"XDG_STATE_HOME": state}
        r = Client(**default)("run", "--json", "-", stdin="() => 1")
        t.ok(r.status == 0 and "tenant" in r.data, "a daemon in the default data directory is used by itself", r)
        r = Client(**default)("run", "--json", "--tier", "regulated", "-", stdin="() => 1")
        t.ok(r.status == 0 and "tenant" not in r.data, "but not for what it does not do", r)
        r = Client(**default)("run", "--json", "--local", "-", stdin="() => 1")
        t.ok(r.status == 0 and "tenant" not in r.data, "nor with --local", r)
        t.equal(Client(**default)("tenant", "list").status, 0, "other commands find it there too")
        t.equal(Client(url="", key="", **default)("tenant", "list").status, 0, "an empty variable is none")
    nowhere = os.path.join(directory, "nowhere")
    r = Client("--data", nowhere)("run", "--json", "-", stdin="() => 1")
    t.ok(r.status == 0 and "tenant" not in r.data and nowhere in r.err, "no daemon in --data: a platform of its own, and says so", r)
    r = Client()("run", "--json", "-", stdin="() => 1")
    t.ok(r.status == 0 and "tenant" not in r.data and r.err == "", "no daemon anywhere: a platform of its own", r)
    refused(t, Client("--data", nowhere)("run", "--profile", "small", "-", stdin="() => 1"), 5, "`cordon up`",
            "--profile needs the daemon")
    refused(t, Client("--data", nowhere)("runs", "list"), 5, "`cordon up`", "no daemon in --data: 5, and what to do")
    refused(t, Client()("tenant", "list"), 5, "`cordon up`", "no daemon at all")
    refused(t, Client(url="http://127.0.0.1:1", key=KEY)("run", "-", stdin="() => 1"), 5, "127.0.0.1:1",
            "a daemon that was named by URL and is not there is no reason to go elsewhere")
    for args in (["--local", "--profile", "small"], ["--local", "--url", d.url], ["--local", "--data", d.data]):
        refused(t, Client()("run", "-", *args, stdin="() => 1"), 2, "leave out one", f"run {args[0]} {args[1]}")
    for url in ("ftp://x", "http://", "127.0.0.1:7070", "http://h/?a=1", "file:///etc/passwd", "http://a b"):
        refused(t, Client(url=url)("runs", "list"), 2, "http://HOST:PORT", f"CORDON_URL {url}")
    foreign(t, directory)


def foreign(t, directory):
    name = "the socket of another user in the default place is not taken for the daemon"
    if os.geteuid() != 0:
        t.skip(name, "needs root to make one")
        return
    os.makedirs(os.path.join(directory, "cordon"))
    path = os.path.join(directory, "cordon", "control.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        os.chown(path, 65534, 65534)
        c = Client(XDG_STATE_HOME=directory)
        refused(t, c("tenant", "list"), 3, "(client.foreign)", name)
        r = c("run", "--json", "-", stdin="() => 1")
        t.ok(r.status == 0 and "tenant" not in r.data, "nor does a run go there", r)


def secrets(t, d, key, directory):
    env = {"url": d.url, "key": key}
    p = Client(**env).start("run", "-", stdin=SLEEP)
    _running(d, key)
    argv = pathlib.Path(f"/proc/{p.pid}/cmdline").read_bytes()
    t.ok(key.rsplit("_", 1)[1].encode() not in argv, "the key is not in the arguments that `ps` shows", argv)
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=60)
    for name, run in (("a wrong key", Client(url=d.url, key=KEY)("runs", "list")),
                      ("a key with a space", Client(url=d.url, key=KEY + " x")("runs", "list")),
                      ("no daemon", Client(url="http://127.0.0.1:1", key=KEY)("runs", "list")),
                      ("a key in the URL", Client(url=f"http://x:{KEY}@127.0.0.1")("runs", "list"))):
        t.ok(run.status in (2, 3, 5) and SECRET not in run.out + run.err and run.err, f"nor in an error: {name}", run)
    refused(t, Client(url=d.url, key=KEY)("runs", "list"), 3, "check CORDON_API_KEY", "a key that nobody has: 3")
    refused(t, Client(url=d.url)("runs", "list"), 3, "set CORDON_API_KEY", "no key: 3, and what to do")
    elsewhere = http("", 302).replace(b"\r\n", b"\r\nLocation: http://127.0.0.1:1/\r\n", 1)
    with Fake(elsewhere) as fake:
        refused(t, Client(url=fake.url, key=KEY)("runs", "list"), 5, "302", "a redirect is not followed with the key")
        proxied = Client(url=d.url, key=key, http_proxy=fake.url, HTTP_PROXY=fake.url, ALL_PROXY=fake.url)("runs", "list")
        t.equal((proxied.status, len(fake.requests)), (0, 1), "nor is it given to a proxy")
    pathlib.Path(directory, ".curlrc").write_text(f"proxy = {fake.url}\n")
    pathlib.Path(directory, ".netrc").write_text("default login a password b\n")
    t.equal(Client(HOME=directory, **env)("runs", "list").status, 0, "files of other programs change nothing")


ANSWERS = (
    ("no HTTP", b"SSH-2.0-nothing\r\n"),
    ("nothing", b""),
    ("half a status line", b"HTTP/1.1 2"),
    ("a web page", http("<html>hello</html>", kind="text/html")),
    ("an empty body", http("")),
    ("half of JSON", http('{"tenants":[{"id":"a"')),
    ("less than announced", http('{"tenants":[]}', length=500)),
    ("two values", http('{"tenants":[]} {}')),
    ("a list", http("[]")),
    ("a number", http("1")),
    ("another object", http('{"hello":1}')),
    ("an object for a list", http('{"tenants":{}}')),
    ("an error that is none of ours", http("<h1>no</h1>", 500)),
    ("an error without a code", http('{"detail":"x"}', 404)),
    ("a redirect", http("", 302)),
    ("a negative length", http("", length=-5)),
    ("two lengths", b"HTTP/1.1 200 X\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
    ("bad chunks", b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
    ("endless headers", b"HTTP/1.1 200 X\r\n" + b"A: b\r\n" * 200000),
    ("one long header", b"HTTP/1.1 200 X\r\nA: " + b"b" * 2000000),
)


def answers(t):
    """Whatever comes, the command says what is wrong, prints nothing as if it were an answer, and ends as it should."""
    for name, answer in ANSWERS:
        with Fake(answer) as fake:
            r = Client(url=fake.url, key=KEY)("tenant", "list")
            refused(t, r, 5, "(client.", f"an answer that is none: {name}")
    with Fake(http('{"tenants":' + "[" * 200000 + "]" * 200000 + "}")) as fake:
        refused(t, Client(url=fake.url)("tenant", "list", "--json"), 5, "(client.answer)", "JSON too deep for any reader")
        t.ok(Client(url=fake.url)("tenant", "list").status in (0, 5), "and walked without harm")
    with Fake(lambda _: [http("", length=200 << 20), *[b"x" * (1 << 20)] * 200]) as fake:
        refused(t, Client(url=fake.url)("tenant", "list"), 5, "(client.too_large)", "more than it keeps")
    with Fake(http(json.dumps({"code": "a\x1b[2J", "detail": EVIL}), 400)) as fake:
        r = Client(url=fake.url)("tenant", "list")
        t.ok(r.status == 2 and not CONTROL.search(r.err) and "\\x1b" in r.err, "words of an error are made harmless", repr(r.err))
    rows = {"tenants": [{"id": EVIL, "state": None}, {"id": 1e9, "state": {"a": [1]}}, 5, {}]}
    with Fake(http(json.dumps(rows, ensure_ascii=False))) as fake:
        r = Client(url=fake.url)("tenant", "list")
        t.ok(r.status == 0 and not CONTROL.search(r.out) and len(r.out.splitlines()) == 5, "rows of any kind stay rows", repr(r.out))
    with Fake(http(b'{"tenants":[{"id":"\xff\xc2\x9b\xe2\x80\xaex\xf5"}]}')) as fake:
        r = Client(url=fake.url)("tenant", "list")
        t.ok(r.status == 0 and "\\xff\\x9b\\u202ex\\xf5" in r.out, "bytes that are no text are shown", repr(r.out))
    done = {"run": "run_1", "state": "done", "outcome": "completed", "value_kind": "json", "value": 1, "termination": None,
            "error": None, "logs": [], "usage": {}, "jail": None}
    for name, change in (("an outcome that there is not", {"outcome": "fine"}), ("a kind that there is not", {"value_kind": "x"}),
                         ("bytes that are no base64", {"value_kind": "bytes", "value": {"base64": "%%%"}}),
                         ("bytes that are no text", {"value_kind": "bytes", "value": 5})):
        with Fake(http(json.dumps({**done, **change}))) as fake:
            refused(t, Client(url=fake.url)("run", "-", stdin="() => 1"), 5, "(client.answer)", f"a run with {name}")
    odd = {**done, "usage": {"cpu_us": -1, "run_us": 1e30, "operations": "x"}, "logs": [5, {"text": EVIL, "level": "?"}, {}],
           "jail": 7, "run": EVIL}
    with Fake(http(json.dumps(odd))) as fake:
        r = Client(url=fake.url)("run", "-", stdin="() => 1")
        t.ok(r.status == 0 and r.out == "1\n" and not CONTROL.search(r.err), "members that are not what they should be", repr(r.err))
    with Fake(http(json.dumps({"key": EVIL}))) as fake:
        r = Client(url=fake.url)("key", "create", "--role", "runner", "--quiet")
        t.ok(not CONTROL.search(r.out), "a key is made harmless as well", repr(r.out))
    streams(t, done)
    with Fake(http('{"seq":1}\nnot JSON\n')) as fake:
        t.equal(Client(url=fake.url)("runs", "events", "run_1").status, 5, "events that are none")


def streams(t, done):
    """Events of a run, whole, cut and wrong."""
    log, result = {"text": EVIL, "level": "log"}, {**done, "logs": [{"text": "one"}, {"text": "two"}]}

    def stream(*events, kind="text/event-stream; charset=utf-8"):
        return http("".join(f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n" for name, data in events), kind=kind)

    def run(answer):
        with Fake(lambda q: answer if q.startswith(b"POST") else http(json.dumps(result))) as fake:
            return Client(url=fake.url)("run", "-", stdin="() => 1"), fake.requests

    r, _ = run(stream(("run", {"run": "run_1"}), ("log", log), ("future", 1), ("result", {**result, "logs": [log]})))
    t.ok(r.status == 0 and r.out == "1\n" and r.err.count("[log]") == 1 and not CONTROL.search(r.err), "a run as events", repr(r.err))
    r, asked = run(stream(("run", {"run": "run_1"}), ("log", {"text": "one"})))
    t.ok(r.status == 0 and r.out == "1\n" and r.err.startswith("[log] one\n[log] two\n--") and b"GET /v1/runs/run_1" in asked[-1],
         "events that end before the run: the rest is asked for", repr(r.err))
    r, _ = run(stream())
    refused(t, r, 5, "(client.answer)", "no events")
    r, _ = run(stream(("result", 5)))
    refused(t, r, 5, "(client.answer)", "a result that is none")
    r, _ = run(stream(("result", result)).replace(b"\r\n\r\nevent", b"\r\n\r\n: event")[:-4])
    refused(t, r, 5, "(client.", "half an event")
    r, _ = run([http("", kind="text/event-stream", length=200 << 20), *[b"data: " + b"x" * (1 << 20)] * 200])
    refused(t, r, 5, "(client.too_large)", "an event without an end")
    with Fake(stream(("journal", {"seq": 1})) [:-2] + b"\r\n") as fake:
        t.equal(Client(url=fake.url)("runs", "events", "run_1", "--follow").out, '{"seq": 1}\n', "followed")
    with Fake(http("event: journal\ndata: {no\n\n", kind="text/event-stream")) as fake:
        refused(t, Client(url=fake.url)("runs", "events", "run_1", "--follow"), 5, "(client.answer)", "followed, and no JSON")


def https(t, directory):
    """The certificate of the daemon is checked."""
    certificate, key = os.path.join(directory, "tls.pem"), os.path.join(directory, "tls.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=60)
    with Daemon(options=("--tls-certificate", certificate, "--tls-key", key)) as d:
        runner = Client("--data", d.data)("key", "create", "--role", "runner", "--quiet").out.strip()
        r = Client(url=d.url, key=runner, CORDON_CA_FILE=certificate)("run", "-", stdin="() => 'over TLS'")
        t.equal((r.status, r.out), (0, '"over TLS"\n'), "https, with the authority that CORDON_CA_FILE names")
        for name, more in (("none", {}), ("no file", {"CORDON_CA_FILE": "/no/such"})):
            refused(t, Client(url=d.url, key=runner, **more)("runs", "list"), 5, "(client.certificate)",
                    f"a certificate that nobody vouches for: {name}")
        refused(t, Client(url=d.url.replace("127.0.0.1", "localhost"), key=runner, CORDON_CA_FILE=certificate)("runs", "list"),
                5, "(client.certificate)", "nor for that name")
        t.ok(Client(url=d.url.replace("https", "http"), key=runner)("runs", "list").status == 5, "http to a port of https")


def cancelled_too_late(t):
    """The run ends by itself while it is being cancelled: its outcome is what is told."""
    asked = threading.Event()

    def answer(request):
        if request.startswith(b"DELETE"):
            asked.set()
            return http('{"code":"run.over","detail":"this run is over"}', 409)
        return wait()

    def wait():
        yield (b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\nevent: run\ndata: {\"run\":\"run_1\"}\n\n"
               b"event: log\ndata: {\"text\":\"on\"}\n\n")
        asked.wait(60)
        yield b"event: result\ndata: " + json.dumps({"outcome": "completed", "value_kind": "json", "value": 7}).encode() + b"\n\n"

    with Fake(answer) as fake:
        p = Client(url=fake.url).start("run", "-", stdin="() => 7")
        p.stderr.readline()
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
        t.ok(p.returncode == 0 and out == b"7\n" and asked.is_set(), "cancelled too late: the outcome is told", (p.returncode, out, err))
    with Fake(http("{}", 404)) as fake:
        Client(url=fake.url)("tenant", "delete", "..")
        t.ok(fake.requests[0].startswith(b"DELETE /v1/tenants/.. HTTP"), "an ID of dots stays one", fake.requests)


def gone(t, client, d, key):
    """Last: control is killed while a run waits for it, then the whole daemon."""
    p = client.start("run", "-", stdin=SLEEP)
    run = _running(d, key)
    os.kill(d.children("control")[0], signal.SIGKILL)
    out, err = p.communicate(timeout=60)
    t.ok(p.returncode == 5 and out == b"" and b"client.lost" in err and b"--idempotency-key" in err,
         "the daemon is gone in the middle: 5, and how to ask what became of the run", (p.returncode, out, err))
    again = re.search(rb"--idempotency-key (\S+)|$", err).group(1) or b"none"
    r = client("run", "--json", "--idempotency-key", again.decode(), "-", stdin=SLEEP)
    t.equal((r.status, r.run, r.reason), (4, run, "crashed"), "asked so, the next one tells it")
    d.stop(signal.SIGKILL)
    t.equal(cordon.left_behind(), [], "killed, the daemon leaves nothing behind")
    refused(t, client("runs", "list"), 5, "(client.no_daemon)", "gone for good: 5, and what to do")


def progress(t, client):
    """On a terminal, and only there, a long run says that it goes on; nothing of it stays."""
    code = "async () => { await new Promise((r) => setTimeout(r, 2600)); return 1 }"
    for name, call in (("the daemon", client), ("a platform of its own", Client("--local"))):
        ours, theirs = pty.openpty()
        p = call.start("run", "-", stdin=code, stderr=theirs)
        quiet = call.start("run", "-", stdin=code)
        os.close(theirs)
        out, seen = p.stdout.read(), b""
        with contextlib.suppress(OSError):  # how a terminal says that nobody is at its other end
            while more := os.read(ours, 4096):
                seen += more
        p.stdout.close()
        os.close(ours)
        t.ok(p.wait(60) == 0 and out == b"1\n" and re.search(rb"\rrunning \xe2\x80\xa6 [12] s", seen)
             and re.search(rb"s \(Ctrl-C cancels\)\x1b\[K\r\x1b\[K-- run_", seen), f"progress on a terminal: {name}", (out, seen))
        _, err = quiet.communicate(timeout=60)
        t.ok(quiet.returncode == 0 and err.startswith(b"-- run_"), f"and nowhere else: {name}", err)


def pipes(t, client):
    for args in (["runs", "list"], ["runs", "--json"], ["completion", "bash"], ["run", "--help"]):
        p = client.start(*args)
        p.stdout.close()
        err = p.stderr.read()
        p.stderr.close()
        t.ok(p.wait(60) in (0, -signal.SIGPIPE) and err == b"", f"a reader that leaves: {' '.join(args)}", (p.returncode, err))
    with open("/dev/full", "wb") as full:
        for args in (["runs", "list"], ["runs", "--json"], ["version"]):
            p = client.start(*args, stdout=full)
            _, err = p.communicate(timeout=60)
            t.ok(p.returncode == 5 and b"cannot be written" in err, f"a full disk: {' '.join(args)}", (p.returncode, err))


def commands():
    """Every command, with its options, as --help has them."""
    found = {}
    for line in cordon.command(["help"]).out.splitlines():
        m = re.match(r"  ([a-z]+(?: [a-z-]+)?) ", line)
        if m:
            name = m.group(1)
            if cordon.command([*name.split(), "--help"]).status != 0:  # an operand in small letters follows
                name = name.split()[0]
            text = cordon.command([*name.split(), "--help"]).out
            found[name] = re.findall(r"^  --([a-z-]+)", text, re.M)
    return found


def told(t):
    """Help, completion and manual come from one table; nothing is missing in any."""
    known = commands()
    wanted = {"up", "run", "runs list", "runs show", "runs events", "runs cancel", "profile put", "profile get", "profile diff",
              "profile list", "profile versions", "profile check", "tenant create", "tenant list", "tenant show",
              "tenant suspend", "tenant resume", "tenant delete", "key create", "key list", "key revoke", "doctor",
              "config", "lease create", "lease list", "lease show", "lease renew", "lease revoke", "artifact put", "artifact list",
              "artifact show", "artifact get", "artifact trust", "artifact delete", "runs erase", "events list",
              "events export", "trace", "receipt", "verify", "log check", "log trusted-root", "log checkpoint", "log rotate", "log export",
              "log witness",
              "completion", "version"}
    t.equal(wanted - set(known), set(), "help names every command")
    t.equal([c for c, options in known.items() if "help" not in options], [], "each has options, --help at least")
    for shell in ("bash", "zsh", "fish"):
        text = cordon.command(["completion", shell]).out
        missing = []
        for name, options in known.items():
            part = {"bash": rf"'{name}'\)\n(.*?);;\n\t'|'{name}'\)\n(.*)", "zsh": rf"'{name}'\)\n(.*?) ;;",
                    "fish": rf"(complete -c cordon -n '__cordon_in {name}' .*)"}[shell]
            body = "\n".join("".join(m) if isinstance(m, tuple) else m for m in re.findall(part, text, 0 if shell == "fish" else re.S))
            missing += [f"{name} --{o}" for o in options if not re.search(rf"(--|-l ){o}\b", body)]
        t.equal(missing, [], f"completion {shell} has every command and option")
        if shutil.which(shell):
            with tempfile.NamedTemporaryFile("w", suffix=shell) as f:
                f.write(text)
                f.flush()
                p = subprocess.run([shell, "-n", f.name], capture_output=True, timeout=60, check=False)
                t.ok(p.returncode == 0 and not p.stderr, f"and is {shell}'s language", p.stderr)
        else:
            t.ok(True, f"({shell} is not here to read it)")
    complete = 'source /dev/stdin; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cordon; echo "${COMPREPLY[*]}"'
    bash = cordon.command(["completion", "bash"]).out
    for words, answer in ((["cordon", "ten"], "tenant"), (["cordon", "runs", ""], "list show events cancel erase"),
                          (["cordon", "runs", "list", "--outcome", "f"], "failed"), (["cordon", "up", "--li"], "--listen"),
                          (["cordon", "key", "create", "--role", ""], "admin operator auditor runner"),
                          (["cordon", "completion", ""], "bash zsh fish")):
        p = subprocess.run(["bash", "-c", complete, "bash", *words], input=bash.encode(), capture_output=True, timeout=60,
                           check=False)
        t.equal(p.stdout.decode().strip(), answer, f"bash completes: {' '.join(words)}")
    refused(t, cordon.command(["completion", "tcsh"]), 2, "bash, zsh or fish", "completion for another shell")
    man = cordon.command(["--man"]).out.replace("\\-", "-")
    t.equal([c for c in known if f".SS cordon {c}\n" not in man], [], "the manual has every command")
    t.equal([o for options in known.values() for o in options if f"--{o}" not in man], [], "and every option")
    text = (cordon.ROOT / "docs" / "cli.md").read_text()
    t.equal([c for c in known if f"cordon {c}" not in text], [], "so does its page")
    t.equal([o for options in known.values() for o in options if f"--{o}" not in text], [], "with every option")
    refused(t, cordon.command(["runs", "frob"]), 2, "unknown command 'runs frob'", "an unknown command of a group")
    r = cordon.command(["runs", "--help"])
    t.ok(r.status == 0 and "runs cancel ID" in r.out and "tenant" not in r.out, "a group's help is about the group", r)
    t.equal([c for c in known if cordon.command([*c.split(), "--frobnicate"]).status != 2], [], "unknown options are refused")


def doctor(t, d):
    r = Client("--data", d.data)("doctor", "--json")
    t.ok(r.status == 0 and r.data["jail"]["full"] is True and r.data["daemon"]["ready"] is True and r.data["error"] is None
         and r.data["machine"]["processors"] > 0, "doctor --json", r)
    r = Client()("doctor")
    t.ok(r.status == 0 and re.search(r"answers +no$", r.out, re.M), "doctor says where no daemon answers", r)


def up(t, directory):
    for args, part in ((["--listen", "localhost:1"], "127.0.0.1:7070"), (["--listen", "7070"], "--listen"),
                       (["--jail", "no"], "full or available"), (["extra"], "extra"), (["--data", "/dev/null/x"], "--data"),
                       (["--data", directory + "/" + "x" * 120], "shorter")):
        usual = ["--listen", "127.0.0.1:0", "--data", os.path.join(directory, "up")]
        refused(t, cordon.command(["up", *usual, *args]), 2, part,
                f"usage error: up {' '.join(args).replace(directory, 'DIR')[:60]}")


def test(t):
    cordon.adopt()
    told(t)
    answers(t)
    cancelled_too_late(t)
    with Daemon() as d, tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        os.chmod(directory, 0o755)
        local = Client("--data", d.data)
        tenants(t, local)
        runner, operator = keys(t, d, local)
        client = Client(url=d.url, key=runner)
        profiles(t, Client(url=d.url, key=operator), client, directory)
        run_outcomes(t, client, directory)
        run_hostile(t, client)
        run_cancelled(t, d, client, runner)
        live(t, d, client, runner)
        runs(t, d, client, runner)
        artifacts(t, client, Client(url=d.url, key=operator), directory)
        leases(t, d, client, directory)
        which_daemon(t, d, runner, directory)
        secrets(t, d, runner, directory)
        progress(t, client)
        pipes(t, client)
        doctor(t, d)
        https(t, directory)
        up(t, directory)
        refused(t, cordon.command(["up", "--data", d.data, "--listen", "127.0.0.1:0"]), 2, "another", "two daemons in one place")
        gone(t, client, d, runner)
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
