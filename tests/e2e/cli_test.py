#!/usr/bin/env python3
"""The command line: exit statuses, messages, the journal, repeatability, terminals, users, signals."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import cordon
import tap

OK = "() => ({ a: 1 })"
PRODUCTS = ("cordon", "cordon-supervisor", "cordon-node", "cordon-zygote", "prelude.js")


def text_run(code, *options, **how):
    """As a person runs it: without --json, the code on standard input."""
    return cordon.command(["run", *options, "-"], stdin=code, **how)


def exits(t):
    run = text_run(OK)
    t.ok(run.status == 0 and json.loads(run.out) == {"a": 1}, "0: completed, the value on standard output", run)
    t.ok(re.search(r"^-- run_\w+ completed \| run [\d.]+ ms, cpu [\d.]+ ms \| memory [\d.]+ MiB \| 0 operations \| "
                   r"\d+ bytes out \| jail full$", run.err, re.M), "the usage line on standard error", run.err)
    run = text_run("() => {\n  throw new TypeError('because');\n}")
    t.ok(run.status == 1 and run.out == "", "1: failed, nothing on standard output", run)
    t.ok("TypeError: because" in run.err and "main:2:" in run.err and "> 2 |" in run.err and "^" in run.err,
         "the error, its place and its frame on standard error", run.err)
    t.equal(cordon.command(["run", "--no-such-option"]).status, 2, "2: usage error")
    run = cordon.run("() => { for (;;); }", "--cpu-ms", "50")
    t.equal((run.status, run.reason), (4, "cpu_time"), "4: terminated")
    run = text_run("() => { for (;;); }", "--cpu-ms", "50")
    t.ok(run.out == "" and "terminated (cpu_time)" in run.err and "ceiling 50 ms" in run.err and "--cpu-ms" in run.err,
         "why it was stopped, the ceiling and the option that sets it", run.err)
    run = text_run("() => new Uint8Array([0, 255, 10])")
    t.equal(run.status, 0, "bytes go to standard output")


def platform_error(t):
    """5: the platform cannot start, here because a part of it is missing."""
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        for name in ("cordon", "cordon-supervisor", "cordon-node", "cordon-zygote"):
            shutil.copy2(cordon.binary().parent / name, directory)
        run = cordon.command(["run", "-"], stdin=OK, program=pathlib.Path(directory) / "cordon")
        t.ok(run.status == 5 and "prelude.js" in run.err, "5: platform error, and what is missing", run)
        t.equal(run.out, "", "and nothing on standard output")


def help_and_doctor(t):
    options = ("input module language fences class tier cpu-ms wall-ms memory-mb output-kb operations log-lines timers "
               "seed now eval jail json journal help").split()
    run = cordon.command(["run", "--help"])
    t.equal(run.status, 0, "run --help succeeds")
    t.equal([o for o in options if f"--{o}" not in run.out], [], "run --help names every option")
    t.equal([str(n) for n in range(6) if not re.search(rf"^  {n}  \w", run.out, re.M)], [],
            "run --help names every exit status")
    t.equal(max(map(len, run.out.splitlines())) <= 100, True, "run --help fits into 100 columns")
    for args in (["--help"], ["help"], ["-h"]):
        run = cordon.command(args)
        t.ok(run.status == 0 and "doctor" in run.out, f"cordon {args[0]} names the commands", run)
    run = cordon.command([])
    t.ok(run.status == 2 and run.out == "" and "Usage" in run.err, "cordon alone is a usage error", run)
    run = cordon.command(["frobnicate"])
    t.ok(run.status == 2 and "frobnicate" in run.err, "an unknown command is named", run)
    t.ok(re.match(r"cordon \d+\.\d+\.\d+\n$", cordon.command(["version"]).out), "version")
    run = cordon.command(["doctor"])
    t.ok(run.status == 0 and "Every required part of the jail is in force." in run.out, "doctor finds the jail full", run)
    t.equal([p for p in ("seccomp", "user_namespace", "empty_root", "rlimits") if not re.search(rf"yes {p}\b", run.out)],
            [], "doctor lists the parts")


def usage_errors(t):
    """Each names the value and what to do."""
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        good = pathlib.Path(directory) / "good.js"
        good.write_text(OK)
        for args, value, remedy in (
            (["--cpu-ms", "0", good], "--cpu-ms 0", "from 1 to"),
            (["--cpu-ms", "soon", good], "soon", "whole number"),
            (["--cpu-ms", "-5", good], "-5", "whole number"),
            (["--wall-ms", "86400001", good], "86400001", "to 86400000"),
            (["--memory-mb", "7", good], "--memory-mb 7", "from 8 to"),
            (["--output-kb", "32769", good], "32769", "to 32768"),
            (["--operations", "1e3", good], "1e3", "whole number"),
            (["--log-lines", "", good], "--log-lines", "whole number"),
            (["--timers", "10001", good], "10001", "to 10000"),
            (["--seed", "x", good], "x", "whole number"),
            (["--seed", "18446744073709551616", good], "18446744073709551616", "whole number"),
            (["--now", "5", good], "--now", "--seed"),
            (["--seed", "1", "--now", "8640000000000001", good], "8640000000000001", "date"),
            (["--tier", "gold", good], "gold", "regulated"),
            (["--class", "slow", good], "slow", "interactive"),
            (["--language", "python", good], "python", "js or ts"),
            (["--jail", "none", good], "none", "full or available"),
            (["--input", "{a:1}", good], "--input", "byte 1"),
            (["--input", "text", good], "--input", "double quotes"),
            (["--input", "@/no/such/file", good], "/no/such/file", "cannot read"),
            (["--module", "just-a-name", good], "just-a-name", "NAME=FILE"),
            (["--module", "a.js=/no/such/file", good], "/no/such/file", "cannot read"),
            (["--module", f"good.js={good}", good], "good.js", ""),
            (["--module", f"={good}", good], "name", ""),
            (["--journal", "/no/such/dir/j", good], "/no/such/dir/j", "cannot write"),
            (["--frobnicate", good], "--frobnicate", "--help"),
            (["--cpu-ms"], "--cpu-ms", "--help"),
            ([good, "more.js"], "more.js", "--module"),
            (["/no/such/file.js"], "/no/such/file.js", "cannot read"),
            ([directory], directory, "cannot read"),
        ):
            run = cordon.command(["run", "--json", *args])
            name = " ".join(str(a).replace(directory, "DIR") for a in args)
            t.ok(run.status == 2 and run.out == "" and value in run.err and remedy in run.err,
                 f"usage error: {name}", f"wanted status 2, {value!r} and {remedy!r}\n{run}")


def journal(t):
    code = """
async () => {
  console.log("one");
  await fetch("https://example.com/a?b=1", { method: "POST", body: "x" }).catch(() => 0);
  await new Promise((r) => setTimeout(r, 5));
  console.warn("two");
  return 1;
}
"""
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        path = pathlib.Path(directory) / "journal"
        run = cordon.run(code, "--journal", path)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        t.equal(run.value, 1, "a run with a journal")
        t.equal([line["seq"] for line in lines], list(range(1, len(lines) + 1)), "its numbers have no gap")
        t.equal({line["run"] for line in lines}, {run.run}, "each line names the run")
        t.equal([line["event"] for line in lines],
                ["run_admitted", "sandbox_issued", "log", "tool_call_attempted", "tool_call_blocked", "wait", "wake",
                 "log", "execution_completed"], "its events, in order")
        links = [line.get("prev") for line in lines]
        shown = [json.dumps({k: v for k, v in line.items() if k != "request"}, sort_keys=True, separators=(",", ":"))
                 for line in lines]
        leaves = [hashlib.sha256(b"\0" + line.encode()).hexdigest() for line in shown]
        t.equal(links, [None, *leaves[:-1]], "each names the one before it by its hash")
        blocked = next(line for line in lines if line["event"] == "tool_call_blocked")
        t.equal(blocked["decision"], f"d{blocked['seq']}", "a decision is named by its number")
        attempted = next(line for line in lines if line["event"] == "tool_call_attempted")
        t.ok(attempted["request"]["url"] == "https://example.com/a?b=1" and attempted["request"]["method"] == "POST",
             "what was asked for is shown with it", attempted)
        t.ok(path.read_text().splitlines()[lines.index(attempted)].split(',"request":')[1].endswith("}}")
             and attempted["destination"] == blocked["destination"] == "https://example.com:443",
             "at the end, and where it would have gone", attempted)
        request = path.read_text().splitlines()[lines.index(attempted)].split(',"request":')[1][:-1].encode()
        t.equal((attempted["bytes"], attempted["sha256"]), (len(request), hashlib.sha256(request).hexdigest()),
                "the event has its digest")
        run = cordon.run("async () => { try { await fetch('https://e.com/'); } catch (e) "
                         "{ return [e.name, e.code, e.decision, e.rule]; } }", "--journal", path)
        decisions = [json.loads(line).get("decision") for line in path.read_text().splitlines()]
        t.ok(run.value and run.value[:2] == ["TypeError", "egress.denied"] and run.value[2] in decisions
             and run.value[3] == "egress.default_deny", "the code is told the decision that the journal holds", run)
        run = cordon.run("() => { for (;;) console.log('x'); }", "--log-lines", "5", "--journal", path)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        t.equal((lines[-1]["event"], lines[-1]["reason"], len(lines)), ("execution_terminated", "log_lines", 8),
                "a terminated run has its journal too")


def repeatable(t):
    code = """
async () => {
  const seen = [Math.random(), crypto.randomUUID(), Date.now(), performance.now(), new Date().toString()];
  console.log(seen, new Map([[{}, Math.random()]]));
  await new Promise((r) => setTimeout(r, 7));
  seen.push(Date.now(), performance.now());
  const denied = await fetch("https://example.com/").catch((e) => [e.message, e.decision]);
  return { seen, denied, keys: Object.keys({ b: 1, a: 2 }), sorted: [3, 1, 2].sort(() => Math.random() - 0.5) };
}
"""
    for tier in ("standard", "regulated"):
        a, b, c = cordon.together([lambda s=s: cordon.run(code, "--seed", s, "--tier", tier) for s in ("7", "7", "8")])
        kept = [json.dumps([r.value, r.logs, r.error]) for r in (a, b, c)]
        t.ok(a.outcome == "completed" and kept[0] == kept[1], f"the same seed gives the same to the byte ({tier})", kept[:2])
        t.ok(kept[0] != kept[2], f"another seed does not ({tier})", kept)
    t.equal(a.now_ms, 946684800000, "the virtual clock starts in the year 2000")
    run = cordon.run("async () => { const a = Date.now(); await new Promise((r) => setTimeout(r, 1000)); "
                     "return [a, Date.now()]; }", "--seed", "1", "--now", "1000", "--wall-ms", "5000")
    t.equal(run.value, [1000, 2000], "--now sets it, and timers move it on by what they waited for")
    failed = [cordon.run("() => { throw new Error(String(Math.random())); }", "--seed", "9").error for _ in range(2)]
    t.ok(failed[0] and failed[0] == failed[1], "errors repeat as well", failed)


def standard_input(t):
    run = text_run("({ input }) => input.length", "--input", '"four"')
    t.equal(run.out, "4\n", "code on standard input, input as an argument")
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        path = pathlib.Path(directory) / "code.js"
        path.write_text("({ input }) => input.map((x) => x * 2)")
        (pathlib.Path(directory) / "in.json").write_text("[1, 2]\n")
        run = cordon.command(["run", "--json", "--input", "@-", path], stdin="[1, 2, 3]")
        t.equal(run.value, [2, 4, 6], "input on standard input")
        run = cordon.command(["run", "--json", "--input", f"@{directory}/in.json", path])
        t.equal(run.value, [2, 4], "input from a file")
        run = cordon.command(["run", "--json", path], stdin=None)
        t.equal(run.code, "code.exception", "no input")


def terminal(t):
    evil = r"\x1b]0;title\x07\x1b[2J\x9b31m\r\x08 ü"
    run = text_run(f'() => {{ console.log("{evil}"); return "{evil}"; }}')
    raw = run.out + run.err
    t.ok(run.status == 0 and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", raw), "no control character comes through", repr(raw))
    t.ok("\\x1b" in run.err and "ü" in run.err, "they are shown instead, and letters stay letters", repr(run.err))
    run = text_run(f'() => {{ throw new Error("{evil}"); }}')
    t.ok(run.status == 1 and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", run.out + run.err),
         "nor in an error", repr(run.err))
    run = text_run('() => "line\\nsplit\\ttab"')
    t.equal(run.status, 0, "new lines and tabs are harmless")


def jail(t):
    run = cordon.run(OK, "--jail", "available")
    t.ok(run.outcome == "completed" and set(run.jail) == {"full", "parts"}, "--jail available runs, and says what it has", run)
    run = cordon.run(OK, "--jail", "full", "--tier", "regulated")
    t.ok(run.jail["full"] is True and all(run.jail["parts"].values()), "--jail full has every part here", run.jail)


def as_nobody(t):
    """An ordinary user, from a place that this user may read, has the same jail."""
    name = "run as an ordinary user: the full jail"
    if os.geteuid() != 0 or not shutil.which("runuser"):
        t.skip(name, "needs root and runuser to become nobody")
        return
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        os.chmod(directory, 0o755)
        for product in PRODUCTS:
            shutil.copy2(cordon.binary().parent / product, directory)
            os.chmod(pathlib.Path(directory) / product, 0o755)
        for tier in ("standard", "regulated"):
            run = cordon.command(["run", "--json", "--tier", tier, "-"], stdin="() => 6 * 7", cwd="/",
                                 prefix=("runuser", "-u", "nobody", "--"), program=pathlib.Path(directory) / "cordon")
            missing = [k for k, on in ((run.jail or {}).get("parts") or {"all": False}).items() if not on]
            t.ok(run.value == 42 and run.jail["full"] is True, f"{name} ({tier})", f"off: {missing}\n{run}")
        run = cordon.command(["run", "--json", "--memory-mb", "32", "--cpu-ms", "5000", "-"], cwd="/",
                             stdin="() => { const a = []; for (;;) a.push(new Array(1000).fill(1)); }",
                             prefix=("runuser", "-u", "nobody", "--"), program=pathlib.Path(directory) / "cordon")
        t.equal(run.reason, "memory", "its ceilings hold as well")


def cancelled(t):
    """SIGINT and SIGTERM end the run that is under way; the command still tells its outcome."""
    code = "async () => { console.log('started'); await new Promise((r) => setTimeout(r, 60000)); }"
    for sig in (signal.SIGINT, signal.SIGTERM):
        with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
            path = pathlib.Path(directory) / "code.js"
            path.write_text(code)
            # Without --json its log line tells when the code is under way: no guessing.
            with subprocess.Popen([cordon.binary(), "run", "--wall-ms", "100000", path], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                first = process.stderr.readline()
                process.send_signal(sig)
                try:
                    out, err = process.communicate(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    out, err = process.communicate()
        t.ok(b"started" in first and process.returncode == 4 and b"terminated (cancelled)" in err and out == b"",
             f"{sig.name} cancels: terminated, reason cancelled, exit 4", (first, process.returncode, out, err))


def killed(t):
    """A command that is killed takes everything it started with it."""
    with subprocess.Popen([cordon.binary(), "run", "--cpu-ms", "60000", "--wall-ms", "100000", "-"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b"() => { console.log('started'); for (;;); }")
        process.stdin.close()
        line = process.stderr.readline()
        process.kill()
        process.wait()
    t.ok(b"started" in line, "a run whose command is killed was under way", line)
    t.equal(cordon.left_behind(), [], "and nothing of it stays")


def test(t):
    cordon.adopt()
    for part in (exits, platform_error, help_and_doctor, usage_errors, journal, repeatable, standard_input, terminal,
                 jail, as_nobody, cancelled, killed):
        part(t)
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    tap.main(test)
