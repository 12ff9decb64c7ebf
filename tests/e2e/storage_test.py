#!/usr/bin/env python3
"""The data directory and the state database when they are not as they should be: full, read-only, damaged, locked,
newer, another's. What is wrong is said with its place, nothing is half done, and it goes on when it is put right."""

import contextlib
import os
import pathlib
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time

import cordon
import tap
from daemon import Daemon, kept
from openapi import Checked, Document, Validator

PATIENCE = 30
FULL = ("store.full", "ledger_unavailable")  # the state database finds it out, or the ledger
SIZE = 4 << 20


def up(data, *options):
    """(status, what it said, seconds) of a `cordon up` that is to fail."""
    begin = time.monotonic()
    with subprocess.Popen([str(cordon.binary()), "up", "--data", str(data), "--listen", "127.0.0.1:0", *options],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
        timer = threading.Timer(PATIENCE, p.kill)
        timer.start()
        said = p.stdout.readline()
        if said.startswith("ready"):
            p.send_signal(signal.SIGTERM)
        said += p.stdout.read()
        timer.cancel()
    return p.returncode, said, time.monotonic() - begin


def refused(t, name, data, *parts, status=5):
    got, said, seconds = up(data)
    lines = said.splitlines()
    t.ok(got == status and len(lines) == 1 and seconds < 8 and all(p in said for p in (*parts, str(data))), name,
         f"status {got}, {seconds:.1f} s, wanted {parts}: {said}")


def prepared(base, name):
    """A data directory that was used."""
    data = base / name
    d = Daemon(data).start()
    d.run("() => 1")
    d.stop()
    return data


def owner_of(path, like):
    with contextlib.suppress(PermissionError):
        os.chown(path, os.stat(like).st_uid, os.stat(like).st_gid)


def databases(t, base):
    data = prepared(base, "newer")
    with contextlib.closing(sqlite3.connect(data / "state" / "state.db")) as db:
        db.execute("PRAGMA user_version = 999")
    refused(t, "a newer database", data, "version 999", "newer Cordon")
    with contextlib.closing(sqlite3.connect(data / "state" / "state.db")) as db:
        db.execute("PRAGMA user_version = 1")
    data = prepared(base, "noise")
    (data / "state" / "state.db").write_bytes(b"noise" * 5000)
    refused(t, "a file that is no database", data, "damaged", "backup")
    data = prepared(base, "short")
    os.truncate(data / "state" / "state.db", 8192)
    refused(t, "a database that was cut", data, "damaged", "backup")
    for version in (0, 1):
        data = prepared(base, f"foreign{version}")
        (data / "state" / "state.db").unlink()
        with contextlib.closing(sqlite3.connect(data / "state" / "state.db")) as db:
            db.execute("CREATE TABLE tenants (x)")
            db.execute(f"PRAGMA user_version = {version}")
        owner_of(data / "state" / "state.db", data / "state")
        refused(t, f"another program's database, version {version}", data, "another program")
        with contextlib.closing(sqlite3.connect(data / "state" / "state.db")) as db:
            t.equal(db.execute("SELECT name FROM sqlite_schema").fetchall(), [("tenants",)], "which stays what it was")
    data = prepared(base, "linked")
    (data / "state" / "state.db").rename(data / "state" / "elsewhere.db")
    (data / "state" / "state.db").symlink_to("elsewhere.db")
    refused(t, "a database that is a symbolic link", data, "regular file")
    data = prepared(base, "directory")
    (data / "state" / "state.db").unlink()
    (data / "state" / "state.db").mkdir()
    refused(t, "a database that is a directory", data, "regular file")
    data = prepared(base, "locked")
    for name, statement in (("is writing", "BEGIN EXCLUSIVE"), ("is reading", "BEGIN; SELECT * FROM tenants")):
        with contextlib.closing(sqlite3.connect(data / "state" / "state.db", isolation_level=None)) as db:
            for one in statement.split("; "):
                db.execute(one).fetchall()
            refused(t, f"a database that another process {name}", data, "another process")
    d = Daemon(data).start()
    t.equal(d.run("() => 1")["value"], 1, "let go of, it serves")
    with contextlib.closing(sqlite3.connect(data / "state" / "state.db", timeout=0.1)) as db:
        try:
            db.execute("SELECT * FROM tenants").fetchall()
            t.ok(False, "while it runs, nobody else reads it")
        except sqlite3.OperationalError as e:
            t.has(str(e), "locked", "while it runs, nobody else reads it")
    refused(t, "a directory that another `cordon up` has", data, "another `cordon up`", status=2)
    t.equal(d.run("() => 1")["value"], 1, "which goes on")
    d.close()
    if os.geteuid() == 0:
        data = prepared(base, "root")
        os.chown(data / "state" / "state.db", 0, 0)
        refused(t, "a database of another owner", data, "Permission denied", "belongs to the user with ID")


def directories(t, base):
    data = prepared(base, "real")
    (base / "link").symlink_to(data)
    refused(t, "a symbolic link", base / "link", "symbolic link", status=2)
    (base / "home").mkdir(mode=0o755)
    (base / "home" / "letter").write_text("dear")
    before = os.stat(base / "home")
    refused(t, "a directory with other things in it", base / "home", "not Cordon's", status=2)
    after = os.stat(base / "home")
    t.equal((after.st_uid, after.st_mode, os.listdir(base / "home")), (before.st_uid, before.st_mode, ["letter"]), "which stays as it was")
    (base / "file").write_text("")
    refused(t, "a file", base / "file", "Not a directory", status=2)
    refused(t, "a place where nothing can be made", pathlib.Path("/proc/nothing/x"), "No such file", status=2)
    long = base / ("x" * 120)
    refused(t, "a path that is too long for a socket", long, "too long", "shorter", status=2)
    os.chmod(data, 0o777)
    d = Daemon(data).start()
    t.equal(os.stat(data).st_mode & 0o777, 0o711 if os.geteuid() == 0 else 0o700, "a directory that was open to all is closed")
    t.equal([oct(os.stat(data / n).st_mode & 0o077) for n in os.listdir(data)], ["0o0"] * len(os.listdir(data)), "and so is what is in it")
    d.close()
    (base / "empty").mkdir()
    d = Daemon(base / "empty").start()
    t.equal(d.run("() => 1")["value"], 1, "an empty directory is taken")
    d.stop()
    d.start()
    t.equal(d.run("() => 1")["value"], 1, "and taken again")
    d.close()


class Disk:
    """A small one of its own."""

    def __init__(self, base, name="disk"):
        self.path = base / name
        self.path.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "cordon-test", str(self.path)], check=True)
        self.data, self.filler = self.path / "data", self.path / "filler"

    def fill(self):
        with open(self.filler, "ab", buffering=0) as f:
            for size in (65536, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        f.write(b"\0" * size)

    def free(self):
        self.filler.unlink()

    def read_only(self, yes):
        subprocess.run(["mount", "-o", f"remount,{'ro' if yes else 'rw'}", str(self.path)], check=True)

    def close(self):
        subprocess.run(["umount", "-l", str(self.path)], check=False)


def rows(d):
    return {r["run"]: r for r in d.ask("GET", "/v1/runs?limit=500")["runs"]}


def full(t, d, disk, ask):
    """While nothing can be written, and afterwards."""
    done = ask("POST", "/v1/runs", {"code": "() => 'before'"}, headers={"Idempotency-Key": "before"}).data
    slow = {"code": "async () => { await new Promise(r => setTimeout(r, 700)); return 'kept' }"}
    under_way = ask("POST", "/v1/runs", slow, headers={"Prefer": "respond-async", "Idempotency-Key": "slow"})["run"]
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(d.ask("POST", "/v1/runs", {**slow, "labels": {"who": "waits"}})))
    thread.start()
    time.sleep(0.25)  # both are under way by then; were they not, they would be refused below
    disk.fill()
    refused_, taken = [], 0
    for i in range(200):  # what is left in half-filled pages holds a few
        r = ask("POST", "/v1/runs", {"code": "() => 1", "labels": {"pad": "x" * 120}}, headers={"Idempotency-Key": f"full-{i}"})
        if r.status == 200:
            taken += 1
        else:
            refused_.append(r)
        if len(refused_) == 5:
            break
    t.ok([r.status for r in refused_] == [503] * 5 and all(r.code in FULL for r in refused_),
         f"a full disk: runs are refused (after {taken})", refused_)
    t.ok(refused_ and "room" in refused_[0]["detail"] and refused_[0].headers["Retry-After"], "with the remedy", refused_[:1])
    for method, path, body in (("POST", "/v1/tenants", {"id": "late"}), ("POST", "/v1/keys", {"role": "runner"}), ("PUT", "/v1/artifacts", {"code": "/" * 9000}),
                               ("POST", "/v1/leases", {"profile": "transform", "hold": True, "code": "/" * 9000})):
        t.ok(ask(method, path, body).code in FULL, f"and so is {method} {path}")
    t.equal(ask("GET", f"/v1/runs/{done['run']}").data, kept(done), "what was can be read")
    t.equal(ask("GET", "/healthz").status, 200, "and it is healthy")
    before = rows(d)
    thread.join()
    waited = waiting[0]
    if waited.status == 503:
        t.ok(waited.code in FULL, "who waits for a run whose end cannot be written is told")
    r = ask("GET", f"/v1/runs/{under_way}")
    t.ok(r["state"] in ("running", "done"), "that run is neither lost nor over", r)
    t.ok(ask("POST", "/v1/runs", {"code": "() => 'before'"}, headers={"Idempotency-Key": "before"}).data == kept(done), "an old request gets its old answer")
    disk.free()
    t.equal(d.wait(under_way)["value"], "kept", "room is made: its end is written after all")
    t.equal(ask("POST", "/v1/runs", slow, headers={"Idempotency-Key": "slow"})["value"], "kept", "and the request repeated gets it")
    t.equal(ask("POST", "/v1/runs", {"code": "() => 1", "labels": {"pad": "x" * 120}}, headers={"Idempotency-Key": f"full-{taken}"})["outcome"], "completed", "what was refused is accepted now")
    late = rows(d)
    t.equal({k for k in late if k not in before}, {k for k, r in late.items() if k not in before and r["outcome"] == "completed"}, "no row is half")
    t.equal(len(late), len(before) + 1, "and what was refused left none")
    t.equal([x["id"] for x in ask("GET", "/v1/tenants")["tenants"]], ["default"], "nor a tenant")
    end = time.monotonic() + PATIENCE
    while "cordon_runs_active 0\n" not in (text := d.ask("GET", "/metrics").body.decode()) and time.monotonic() < end:
        time.sleep(0.05)
    t.has(text, "cordon_runs_active 0\n", "and nothing is under way any more")
    disk.fill()
    d.process.send_signal(signal.SIGTERM)
    d.process.wait(PATIENCE)
    status, said, _ = up(disk.data)
    t.ok((status == 5 and "full" in said and str(disk.data) in said) or said.startswith("ready"), "started on a full disk it says so, or serves", (status, said))
    disk.free()


def stopped(t, d, disk, ask):
    """Told to end while somebody follows a run whose end cannot be written."""
    d.start()
    code = "async () => { await new Promise(r => setTimeout(r, 500)); return 'x'.repeat(60000) }"
    run = ask("POST", "/v1/runs", {"code": code}, headers={"Prefer": "respond-async"})["run"]
    disk.fill()
    for i in range(300):
        if ask("POST", "/v1/runs", {"code": "() => 1", "labels": {"pad": "x" * 120}}).status == 503:
            break
    end = time.monotonic() + PATIENCE
    while run not in d.messages() and time.monotonic() < end:
        time.sleep(0.05)
    c = d.connection()
    c.request("GET", f"/v1/runs/{run}/events", headers={"Accept": "text/event-stream"})
    r = c.getresponse()
    r.readline()
    d.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    d.process.send_signal(signal.SIGTERM)
    last = r.read().decode()
    t.ok("event: error\n" in last and ("store." in last or "ledger_unavailable" in last), "a stop on a full disk: who follows a run is told", last[-300:])
    t.equal(d.process.wait(PATIENCE), 0, "and it ends")
    t.ok("Fatal" not in d.messages(), "in good order", d.messages())
    disk.free()


def read_only(t, d, disk, ask):
    d.start()
    t.equal(ask("POST", "/v1/runs", {"code": "() => 1"})["value"], 1, "with room it starts and serves")
    d.stop()
    disk.read_only(True)
    got, said, _ = up(disk.data)
    t.ok(got in (2, 5) and "ead-only" in said and str(disk.data) in said, "a disk that is read-only", (got, said))
    disk.read_only(False)
    d.start()
    t.equal(ask("POST", "/v1/runs", {"code": "() => 1"})["value"], 1, "written again, it serves")


def damage(t, d, disk, ask):
    """Damage that comes while it runs."""
    for i in range(40):
        ask("POST", "/v1/runs", {"code": "() => 1", "labels": {"pad": "y" * 128}})
    d.stop()
    path = disk.data / "state" / "state.db"
    good = path.read_bytes()
    with contextlib.closing(sqlite3.connect(path)) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'runs'").fetchone()[0]
    with open(path, "r+b") as f:
        f.seek((root - 1) * size)
        f.write(b"\xaa" * size)
    status, said, _ = up(disk.data)
    if said.startswith("ready"):
        d.start()
        r = ask("GET", "/v1/runs")
        t.equal((r.status, r.code), (503, "store.damaged"), "damage in the table of runs is told")
        r = ask("POST", "/v1/runs", {"code": "() => 1"})
        t.equal((r.status, r.code), (503, "store.damaged"), "and nothing is run without being recorded")
        d.stop()
    else:
        t.ok(status == 5 and "damaged" in said and str(disk.data) in said, "damage in the table of runs is told", said)
    path.write_bytes(good)
    d.start()
    t.equal(ask("POST", "/v1/runs", {"code": "() => 1"})["value"], 1, "with the backup it serves")
    d.stop()


def ledger_full(t, base):
    """The ledger's database has a disk of its own: what takes a right away is done, and recorded when there is room."""
    disk = Disk(base, "apart/ledger")
    d = Daemon(base / "apart")
    try:
        d.start()
        keys = [d.ask("POST", "/v1/keys?tenant=default", {"role": "runner"})["id"] for _ in range(3)]
        disk.fill()
        end = time.monotonic() + 60
        while d.ask("POST", "/v1/runs", {"code": "() => 1"}).status == 200 and time.monotonic() < end:
            pass
        t.equal([d.ask("DELETE", f"/v1/keys/{key}?tenant=default").status for key in keys], [204] * 3, "the ledger's disk is full: keys are revoked")
        disk.free()
        missing = set(keys)
        while missing and time.monotonic() < end:
            events = d.ask("GET", "/v1/events?event=key_revoked&limit=1000")["events"]
            missing -= {x["event"]["key"] for x in events}
            time.sleep(0.1)
        t.equal(missing, set(), "and that is in the log, with no other start, when there is room")
    finally:
        d.close()
        disk.close()


def test(t):
    cordon.adopt()
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as name:
        base = pathlib.Path(name)
        os.chmod(base, 0o755)
        databases(t, base)
        directories(t, base)
        if os.geteuid() != 0:
            t.skip("disks that are full and read-only", "needs root, to mount a small one")
            return
        ledger_full(t, base)
        disk = Disk(base)
        try:
            d = Daemon(disk.data).start()
            document = Document(d.ask("GET", "/openapi.json").body.decode())
            with Validator(document) as validator:
                api = Checked(d, document, validator)
                full(t, d, disk, api.ask)
                stopped(t, d, disk, api.ask)
                read_only(t, d, disk, api.ask)
                d.stop()
                d.start()
                damage(t, d, disk, api.ask)
                t.equal(api.flaws, [], f"{api.answers} answers are as the API's document says")
        finally:
            d.close()
            disk.close()
        t.equal(cordon.left_behind(), [], "and nothing is left behind")


if __name__ == "__main__":
    tap.main(test)
