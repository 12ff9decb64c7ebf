#!/usr/bin/env python3
"""The data directory: whose is what, where the ledger's key comes from, and directories of before there was a ledger."""

import base64
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile

import cordon
import tap
from daemon import Daemon
from storage_test import up

KEY = "00112233445566778899aabbccddeeff" * 2


def receipt(d):
    return d.ask("GET", f"/v1/receipts/{d.run('() => 1')['run']}?wait=true").status


def owners(t, base):
    d = Daemon(base / "owners").start()
    data = pathlib.Path(d.data)
    state = {n: os.stat(data / n) for n in ("", "state", "ledger", "ledger.key", "control.sock", "state/state.db", "ledger/ledger.db")}
    modes = {n: stat.S_IMODE(s.st_mode) for n, s in state.items()}
    t.equal({n: oct(modes[n]) for n in ("state", "ledger", "ledger.key", "control.sock")},
            {"state": "0o700", "ledger": "0o700", "ledger.key": "0o600", "control.sock": "0o600"}, "what is in it is closed to others")
    if os.geteuid() == 0:
        t.equal((state[""].st_uid, state["ledger.key"].st_uid, modes[""]), (0, 0, 0o711), "the directory and the key are root's")
        t.ok(len({state[n].st_uid for n in ("", "state", "ledger")}) == 3, "state and ledger belong to users of their own", state)
        t.ok(state["state/state.db"].st_uid == state["state"].st_uid and state["ledger/ledger.db"].st_uid == state["ledger"].st_uid, "and so do the databases")
        pids = {name: d.children(name)[0] for name in ("control", "ledger")}
        uids = {name: os.stat(f"/proc/{pid}/mem").st_uid for name, pid in pids.items()}
        real = {name: next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("Uid")) for name, pid in pids.items()}
        t.equal(real, {"control": str(state["state"].st_uid), "ledger": str(state["ledger"].st_uid)}, "by which they run")
        t.equal(uids, {"control": 0, "ledger": 0}, "and nobody of that user may look into them: they are not dumpable")
    d.stop()


def keys(t, base):
    data = base / "keys"
    d = Daemon(data).start()
    t.equal(receipt(d), 200, "a first start makes a key")
    d.stop()
    key = data / "ledger.key"
    mine = key.read_text()
    t.ok(len(mine) == 65 and mine.strip() == mine[:64].lower(), "of 64 hexadecimal digits", mine)
    d.start()
    t.equal((receipt(d), key.read_text()), (200, mine), "the next start takes it")
    d.stop()
    for name, text, wanted in (("another key", KEY + "\n", "does not open"), ("half a key", mine[:32], "64 hexadecimal digits"),
                               ("no key", "", "64 hexadecimal digits"), ("a key and more", mine + "x", "64 hexadecimal digits"),
                               ("a long file", mine * 100, "64 hexadecimal digits")):
        key.write_text(text)
        status, said, _ = up(data)
        t.ok(status != 0 and wanted in said and not said.startswith("ready"), f"{name} is refused", (status, said))
    key.unlink()
    status, said, _ = up(data)
    t.ok(status != 0 and "ledger.key" in said and "bring it back" in said and not key.exists(), "a key that is gone is not made anew", (status, said))
    key.symlink_to("/dev/zero")
    status, said, _ = up(data)
    t.ok(status != 0 and not said.startswith("ready"), "a link in its place is not followed", (status, said))
    key.unlink()
    elsewhere = base / "elsewhere.key"
    elsewhere.write_text(mine)
    other = Daemon(data, options=("--ledger-key", str(elsewhere))).start()
    t.equal(receipt(other), 200, "it may lie elsewhere: --ledger-key")
    other.stop()
    credentials = base / "credentials"
    credentials.mkdir()
    (credentials / "ledger-key").write_text(mine)
    other = Daemon(data, prefix=("env", f"CREDENTIALS_DIRECTORY={credentials}")).start()
    t.equal(receipt(other), 200, "or be a credential of systemd's")
    other.stop()
    t.ok(mine.strip().encode() not in (data / "ledger" / "ledger.db").read_bytes(), "it is not in the database")
    status, said, _ = up(base / "new", "--ledger-key", str(base / "nothing"))
    t.ok(status != 0 and "nothing" in said, "a file that is not there is named", (status, said))


def origins(t, base):
    data = base / "origin"
    d = Daemon(data, options=("--log-origin", "log.example.com/one")).start()
    receipt(d)
    t.equal(d.ask("GET", "/v1/log/checkpoint").body.decode().split("\n")[0], "log.example.com/one", "a log has the name that it is given")
    d.stop()
    status, said, _ = up(data, "--log-origin", "log.example.com/two")
    t.ok(status != 0 and "log.example.com/one" in said and "log.example.com/two" in said, "once", (status, said))
    for bad in ("with space", "a+b", "x" * 200):
        status, said, _ = up(base / f"bad{len(bad)}", "--log-origin", bad)
        t.ok(status != 0 and "name" in said, f"{bad[:12]!r} is no name", (status, said))
    status, said, _ = up(base / "witness", "--log-witness", "somebody")
    t.ok(status != 0 and "somebody" in said, "nor is that a witness's key", (status, said))


def before(t, base):
    """A directory of before there was a ledger: the state database stood in it."""
    d = Daemon(base / "before").start()
    key = d.key()
    run = d.run("() => 'old'", key, headers={"Idempotency-Key": "k"})["run"]
    d.stop()
    data = base / "before"
    for path in (data / "state").iterdir():
        path.rename(data / path.name)
    (data / "state").rmdir()
    shutil.rmtree(data / "ledger")
    (data / "ledger.key").unlink()
    d.start()
    t.equal(d.ask("GET", f"/v1/runs/{run}", key=key)["value"], "old", "its database is moved, with what is in it")
    t.equal(sorted(p.name for p in data.iterdir()), ["control.sock", "ledger", "ledger.key", "state"], "and all is in its place")
    t.equal(receipt(d), 200, "a ledger is begun")
    d.stop()


def ends(t, base):
    """Told to end right after a run, before a checkpoint was due."""
    d = Daemon(base / "ends", options=("--log-interval", "60000")).start()
    for _ in range(3):
        d.run("() => 1")
    d.stop()
    p = subprocess.run([str(cordon.binary()), "log", "check", "--json", "--data", d.data], stdout=subprocess.PIPE, timeout=60)
    found = json.loads(p.stdout)
    t.ok(p.returncode == 0 and found["entries"] == found["newest"]["size"] == 4, "a last checkpoint covers what was recorded", found)


def torn(t, base):
    """The tail of the ledger's write-ahead log is gone, as after a loss of power: nothing of it was covered by a checkpoint."""
    d = Daemon(base / "torn", options=("--log-interval", "60000")).start()
    before = [d.run("() => ({ before: 1 })")["run"] for _ in range(20)]
    d.stop()
    d.start()
    runs = {d.run(code)["run"]: outcome for code, outcome in (
        ("() => ({ after: [1, 2.5] })", "completed"), ("() => { throw 1 }", "failed"), ("() => new Uint8Array(3)", "completed"),
        ("() => 3", "completed"))}
    runs[d.run("() => 4", limits={"cpu_ms": 10 ** 9})["run"]] = "denied"
    os.kill(d.children("supervisor")[0], signal.SIGKILL)
    d.process.wait(60)
    d.process.stdout.close()
    wal = os.path.join(d.data, "ledger", "ledger.db-wal")
    for cut in (700, os.path.getsize(wal) - 700):
        os.truncate(wal, os.path.getsize(wal) - cut if cut == 700 else 0)
        d.options = ()
        d.start()
        got = {run: statement(d, run)["result"]["outcome"] for run in (*before, *runs)}
        t.equal(got, {**{run: "completed" for run in before}, **runs}, f"{'a little' if cut == 700 else 'all'} of it gone: every run is in the log, as it ended")
        os.kill(d.children("supervisor")[0], signal.SIGKILL)
        d.process.wait(60)
        d.process.stdout.close()
    d.start()
    d.stop()
    p = subprocess.run([str(cordon.binary()), "log", "check", "--json", "--data", d.data], stdout=subprocess.PIPE, timeout=60)
    t.ok(p.returncode == 0 and json.loads(p.stdout)["payloads"] >= 22, "and the log is whole, and agrees with the state database", p.stdout[-600:])


def statement(d, run):
    bundle = d.ask("GET", f"/v1/receipts/{run}?wait=true").data
    return json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))["predicate"]


def links(t, base):
    """Somebody who could write the directory before cannot make root follow him."""
    for name in ("state", "ledger"):
        data, bait = base / f"link-{name}", base / f"bait-{name}"
        bait.mkdir(mode=0o755)
        data.mkdir()
        (data / name).symlink_to(bait)
        owner = os.stat(bait)
        status, said, _ = up(data)
        after = os.stat(bait)
        t.ok(status != 0 and not said.startswith("ready") and (after.st_uid, after.st_mode) == (owner.st_uid, owner.st_mode),
             f"a link in the place of {name} is not followed", (status, said))


def test(t):
    cordon.adopt()
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as name:
        base = pathlib.Path(name)
        os.chmod(base, 0o755)
        owners(t, base)
        keys(t, base)
        origins(t, base)
        before(t, base)
        ends(t, base)
        torn(t, base)
        links(t, base)
        t.equal(cordon.left_behind(), [], "and nothing is left behind")


if __name__ == "__main__":
    tap.main(test)
