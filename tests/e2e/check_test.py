#!/usr/bin/env python3
"""The check of the log: `cordon-ledger check`. A log that a real ledger wrote is whole; then every column of every
table is tampered with, rows go, come and change places, pages are torn, history is rewritten, and each time the check
says so, and where."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

import tap

BUILD = pathlib.Path(os.environ.get("CORDON_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build")).resolve()
LEDGER, DRIVER = BUILD / "cordon-ledger", BUILD / "bench-ledger"
HANG = 120
WIDTH = 256
LEVEL = 1 << 56
TABLES = {"log": "name", "generations": "number", "entries": "idx", "marks": "idx, line", "tiles": "id",
          "checkpoints": "size", "usage": "id", "usage_detail": "id", "usage_reasons": "id", "usage_cursor": "id"}
USAGE = ("usage", "usage_detail", "usage_reasons", "usage_cursor")


def check(directory, *options):
    """(status, its JSON, what it said besides)"""
    done = subprocess.run([LEDGER, "check", directory, "--json", *options], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=HANG)
    try:
        data = json.loads(done.stdout)
    except ValueError:
        data = None
    return done.returncode, data, done.stderr.decode(errors="replace")


def first(data):
    """Where the first thing is wrong: ("entry", 17)."""
    found = data["findings"][0]
    place = found["place"].split()
    return found["at"], int(place[-2] if found["at"] == "checkpoint" else place[-1]) if place[-1:] != ["database"] and \
        found["at"] not in ("tile", "database", "usage") else found["place"]


class Log:
    """A copy of the log that was made once, without its guards while it is open here."""

    def __init__(self, base, name):
        self.path = base.parent / name
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(base, self.path)
        self.file = self.path / "ledger.db"

    @contextlib.contextmanager
    def open(self, drop=("trigger",)):
        """Triggers and, if asked, indexes go, and come back as they were: what is left differs in its rows only."""
        db = sqlite3.connect(self.file, isolation_level=None)
        gone = [row for kind in drop for row in db.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE type = ? AND sql IS NOT NULL", (kind,)).fetchall()]
        for kind, name, _ in gone:
            db.execute(f"DROP {kind} {name}")
        try:
            yield db
        finally:
            for _, _, sql in gone:
                with contextlib.suppress(sqlite3.IntegrityError):  # an index that no longer can be unique
                    db.execute(sql)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            db.close()

    def sql(self, *statements):
        with self.open() as db:
            for s in statements:
                db.execute(*s) if isinstance(s, tuple) else db.execute(s)

    def rows(self, sql, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as db:
            return db.execute(sql, values).fetchall()

    def content(self):
        return {t: self.rows(f"SELECT * FROM {t} ORDER BY {key}") for t, key in TABLES.items()}


class Case:
    def __init__(self, t, base):
        self.t, self.base, self.count = t, base, 0

    def log(self):
        self.count += 1
        return Log(self.base, "case")

    def bad(self, log, name, wanted, *options):
        """The check fails and says first that it is `wanted`: a place, or several that are as good."""
        status, data, said = check(log.path, *options)
        if status != 1 or not data or data["ok"] or not data["findings"]:
            return self.t.ok(False, name, f"status {status}, {data}, {said}")
        at = first(data)
        wanted = wanted if isinstance(wanted, (list, set)) else [wanted]
        return self.t.ok(at in wanted or at[0] in wanted, name, f"wanted {wanted}, got {at}: {data['findings'][:3]}")

    def good(self, log, name, *options):
        status, data, said = check(log.path, *options)
        return self.t.ok(status == 0 and data and data["ok"] and not data["findings"], name,
                         f"status {status}, {data}, {said}")


# ---- every column ----

def changed(value):
    """(what was done, another value): other in content, in type, in what comes after its end."""
    if value is None:
        yield "made", b"\x01" * 104
    elif isinstance(value, int):
        yield "plus one", value + 1
        yield "minus one", value - 1
        yield "text", f"{value}x"
        yield "a fraction", value + 0.5
        yield "large", (1 << 63) - 1
    elif isinstance(value, str):
        yield "longer", value + "x"
        yield "cut", value[:-1] if value else "y"
        yield "bytes", value.encode()
        yield "an end within", value + "\0z"
    else:
        for at in sorted({0, len(value) // 3, len(value) // 2, len(value) - 1}):
            yield f"byte {at} of {len(value)}", value[:at] + bytes([value[at] ^ 1]) + value[at + 1:]
        yield "cut", value[:-1]
        yield "longer", value + b"\0"
        yield "empty", b""
        yield "text", value.decode("latin-1")


def places(table, row, columns):
    """Where a change of this row may show first."""
    r = dict(zip(columns, row))
    if table == "entries":
        return {("entry", r["idx"])}
    if table == "marks":
        return {("entry", r["idx"])}
    if table == "checkpoints":
        # Two generations have signed that of a rotation.
        return {("checkpoint", r["size"])} | ({"generation"} if r["note"].count("\u2014 ".encode()) > 1 else set())
    if table == "tiles":
        n = r["id"]
        return {("entry", i) for i in range(n * WIDTH, (n + 1) * WIDTH)} | {("tile", f"tile 0/{n:03}")}
    if table == "generations":
        named = 0 if r["number"] == 1 else r["first"] - 1
        return {("generation", r["number"]), ("generation", r["number"] + 1), ("entry", named), ("entry", r["first"]),
                ("entry", r["first"] - 1), ("entry", r["first"] - 2), ("entry", r["first"] + 1)}
    if table in USAGE:
        return {"usage"}
    return {"database", "entry"}


def samples(table, rows):
    if table in ("log", "generations", "tiles"):
        return rows
    if table == "checkpoints":
        return [rows[0], rows[len(rows) // 2], rows[-1]]
    return [rows[len(rows) // 2]]


def columns_test(t, case):
    whole = Log(case.base, "whole")
    size = whole.rows("SELECT count(*) FROM entries")[0][0]
    for table, key in TABLES.items():
        columns = [c[1] for c in whole.rows(f"PRAGMA table_info({table})")]
        rows = whole.rows(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {key}")
        for row in samples(table, rows):
            where = " AND ".join(f"{k} = ?" for k in key.split(", "))
            keys = [row[columns.index(k)] for k in key.split(", ")]
            for column, value in zip(columns, row):
                for what, new in changed(value):
                    log, name = case.log(), f"{table}.{column} of {keys[0]}: {what}"
                    if (table, column) == ("generations", "secret") and value is not None and what.startswith("byte"):
                        continue  # only the key of keys can tell: secrets_test()
                    try:
                        with log.open() as db:
                            db.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (new, *keys))
                    except sqlite3.Error:
                        continue  # no row can have it
                    if log.content() == whole.content():
                        continue  # SQLite has made of it what was there
                    wanted = places(table, row, columns)
                    if column in key and isinstance(new, int):  # the row is another's now
                        wanted |= {("entry", new), ("checkpoint", new), "tile", "generation"}
                        wanted |= {("entry", size)} if table == "checkpoints" else set()
                    case.bad(log, name, wanted)


# ---- rows that go, come and change places ----

def deleted_test(t, case):
    whole = Log(case.base, "whole")
    size = whole.rows("SELECT count(*) FROM entries")[0][0]
    newest = whole.rows("SELECT max(size) FROM checkpoints")[0][0]
    rotated = whole.rows("SELECT first FROM generations WHERE number = 2")[0][0]
    for table, key in TABLES.items():
        keys = whole.rows(f"SELECT {key} FROM {table} ORDER BY {key}")
        if table in USAGE:
            keys = [keys[0], keys[len(keys) // 2], keys[-1]]
        if table in ("entries", "marks"):
            keys = [*keys[:2], keys[len(keys) // 2], keys[rotated if table == "entries" else 3], keys[-1]]
        for k in keys:
            log, name = case.log(), f"{table} without {k}"
            log.sql((f"DELETE FROM {table} WHERE " + " AND ".join(f"{c} = ?" for c in key.split(", ")), k))
            if table == "checkpoints" and k[0] != rotated:
                # What it said can be said again by whoever has the entries: it is no loss, and no finding.
                case.good(log, f"{name}: nothing is lost")
            elif table == "entries" and k[0] == size - 1:
                # Nobody has seen a checkpoint with it: such an end can be lost in a crash as well.
                marks = log.rows("SELECT count(*) FROM marks WHERE idx = ?", size - 1)[0][0]
                case.bad(log, name, ("entry", size - 1)) if marks else case.good(log, f"{name}: no checkpoint had it")
            else:
                case.bad(log, name, {"entries": ("entry", k[0]), "marks": ("entry", k[0]), "tiles": {"tile"},
                                     "checkpoints": ("generation", 2), "generations": {"generation"},
                                     "log": {"database"}, **dict.fromkeys(USAGE, {"usage"})}[table])
    log = case.log()
    log.sql("DELETE FROM marks", "DELETE FROM entries", "DELETE FROM tiles", "DELETE FROM checkpoints")
    case.bad(log, "an empty log", {"generation"})
    log = case.log()
    log.sql("DELETE FROM marks WHERE idx >= 700", "DELETE FROM entries WHERE idx >= 700")
    case.bad(log, f"its end is gone, and a checkpoint of {newest} entries is there", ("entry", 700))


def inserted_test(t, case):
    size = Log(case.base, "case").rows("SELECT count(*) FROM entries")[0][0]
    names = [c[1] for c in Log(case.base, "case").rows("PRAGMA table_info(entries)") if c[1] not in ("idx", "subject")]
    for at in (-1, size, size + 5, (1 << 63) - 1):
        log = case.log()
        log.sql((f"INSERT INTO entries (idx, subject, {', '.join(names)}) SELECT ?, 'run_more', {', '.join(names)}"
                 " FROM entries WHERE idx = 5", (at,)))
        case.bad(log, f"an entry more, with index {at}", ("entry", size if at == size + 5 else at))
    for idx, line in ((5, 99), (0, 2), (-3, 1), (size, 1), ("x", 1), (5.5, 1)):
        log = case.log()
        log.sql(("INSERT INTO marks VALUES (?, ?, 'tool_call_blocked', 'https://more.example', '')", (idx, line)))
        case.bad(log, f"a mark more, of entry {idx!r}", {"entry"} if isinstance(idx, (str, float)) else ("entry", idx))
    for number in (2, LEVEL, 7 * LEVEL, -1):
        log = case.log()
        log.sql(("INSERT INTO tiles SELECT ?, hashes FROM tiles WHERE id = 0", (number,)))
        case.bad(log, f"a tile more, with ID {number}", {"tile"})
    for number in (0, -7, 2, size + 1, (1 << 63) - 1):
        log = case.log()
        log.sql(("INSERT INTO checkpoints SELECT ?, time_ms, note FROM checkpoints WHERE size = 1", (number,)))
        case.bad(log, f"a checkpoint more, of {number} entries", {("checkpoint", number), "entry"})
    for number in (0, 3):
        log = case.log()
        log.sql(("INSERT INTO generations SELECT ?, first + 9, statement, log, secret, from_ms, until_ms"
                 " FROM generations WHERE number = 2", (number,)))
        case.bad(log, f"a generation more, number {number}", ("generation", number))
    log = case.log()
    log.sql("INSERT INTO log VALUES ('more', 'x')")
    case.bad(log, "a name more", {"database"})
    for table in USAGE[:3]:
        names = [c[1] for c in log.rows(f"PRAGMA table_info({table})") if c[1] not in ("id", "name", "day")]
        for name in ("randomblob(32)", "name || x'00'"):
            log = case.log()
            log.sql(f"INSERT INTO {table} (name, day, {', '.join(names)}) SELECT {name}, '2020-01-01', {', '.join(names)}"
                    f" FROM {table} WHERE id = 1")
            case.bad(log, f"a row of {table} more", {"usage"})
    log = case.log()
    log.sql("INSERT INTO usage_cursor SELECT 2, entries, digest FROM usage_cursor")
    case.bad(log, "a cursor more", {"usage"})


def swapped_test(t, case):
    columns = [c[1] for c in Log(case.base, "case").rows("PRAGMA table_info(entries)") if c[1] != "idx"]
    for a, b in ((10, 11), (100, 300), (699, 700)):
        log = case.log()
        with log.open() as db:
            for table in ("entries", "marks"):
                for old, new in ((a, -a), (b, a), (-a, b)):
                    db.execute(f"UPDATE {table} SET idx = ? WHERE idx = ?", (new, old))
        # Times may be the same, and each is signed for itself: then a tile, or a checkpoint, has their order.
        case.bad(log, f"entries {a} and {b} have changed places",
                 {("entry", a), ("entry", b), "checkpoint"})
    log = case.log()  # a name that leads to the same receipt
    log.sql("UPDATE entries SET subject = replace(subject, 'run_', 'ruin_') WHERE idx = 41")
    case.bad(log, "an entry is said to be about something else", ("entry", 41))
    log = case.log()
    with log.open(("trigger", "index")) as db:
        db.execute(f"UPDATE entries SET ({', '.join(columns)}) = (SELECT {', '.join(columns)} FROM entries WHERE idx = 20)"
                   " WHERE idx = 21")
    case.bad(log, "an entry stands twice", {"database"})


# ---- history ----

def leaf_of(payload, signature, spki):
    body = {"apiVersion": "0.0.2", "kind": "dsse", "spec": {"dsseV002": {
        "payloadHash": {"algorithm": "SHA2_256", "digest": base64.b64encode(hashlib.sha256(payload).digest()).decode()},
        "signatures": [{"content": base64.b64encode(signature).decode(), "verifier": {
            "keyDetails": "PKIX_ED25519", "publicKey": {"rawBytes": base64.b64encode(spki).decode()}}}]}}}
    return hashlib.sha256(b"\0" + json.dumps(body, separators=(",", ":"), sort_keys=True).encode()).digest()


def rewrite(log, idx):
    """An entry says something else, and all that can be computed without keys agrees with it."""
    with log.open() as db:
        statement, signature, leaf, generation = db.execute(
            "SELECT statement, signature, leaf, generation FROM entries WHERE idx = ?", (idx,)).fetchone()
        public = db.execute("SELECT statement FROM generations WHERE number = ?", (generation,)).fetchone()[0]
        spki = bytes.fromhex("302a300506032b6570032100") + public
        assert leaf_of(statement, signature, spki) == leaf
        other = statement.replace(b'"tenant":"tenant-', b'"tenant":"other-')
        assert other != statement
        new = leaf_of(other, signature, spki)
        db.execute("UPDATE entries SET statement = ?, leaf = ? WHERE idx = ?", (other, new, idx))
        for number, hashes in db.execute("SELECT id, hashes FROM tiles").fetchall():
            if number == idx // WIDTH:
                at = idx % WIDTH * 32
                db.execute("UPDATE tiles SET hashes = ? WHERE id = ?", (hashes[:at] + new + hashes[at + 32:], number))


def history_test(t, case):
    # Entries of all ages: under a checkpoint and under a full tile, under a checkpoint, under neither.
    for idx in (100, 600, 750):
        log = case.log()
        rewrite(log, idx)
        case.bad(log, f"entry {idx} is rewritten, with leaf and tile", ("entry", idx))
        case.bad(log, f"entry {idx} is rewritten, and all signatures are looked at", ("entry", idx), "--signatures")
    log = case.log()
    with log.open() as db:
        first_line, rest = db.execute("SELECT journal FROM entries WHERE idx = 101").fetchone()[0].split(b"\n", 1)
        db.execute("UPDATE entries SET journal = ? WHERE idx = 101", (first_line + b"\n",))
    case.bad(log, "events at the end of a journal are left out", ("entry", 101))

    kept = case.base.parent / "kept"
    kept.write_bytes(Log(case.base, "case").rows("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")[0][0])
    whole = case.log()
    case.good(whole, "the log is that of a checkpoint that was kept", f"--checkpoint={kept}")
    log = case.log()
    log.sql("DELETE FROM checkpoints WHERE size > 650", "DELETE FROM marks WHERE idx >= 650",
            "DELETE FROM entries WHERE idx >= 650")
    case.bad(log, "an end is gone with its checkpoints, and the sums of usage know it", {"usage"})
    log.sql(*(f"DELETE FROM {table}" for table in USAGE[:3]), "UPDATE usage_cursor SET entries = 0, digest = zeroblob(32)")
    case.good(log, "with its checkpoints and sums, an end goes unseen")
    case.bad(log, "but for who has kept one", {"checkpoint"}, f"--checkpoint={kept}")
    other = Log(case.base, "case")
    shutil.rmtree(other.path)
    other.path.mkdir()
    make(other.path)
    case.good(other, "another log of the same name is whole")
    case.bad(other, "and is another for who has kept a checkpoint", {"checkpoint"}, f"--checkpoint={kept}")
    done = subprocess.run([LEDGER, "check", other.path, f"--checkpoint={LEDGER}"], capture_output=True, timeout=HANG)
    t.equal(done.returncode, 2, "what is no checkpoint cannot have been kept")


def make(directory):
    done = subprocess.run([DRIVER, LEDGER, "--make", directory], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=HANG)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    with contextlib.closing(sqlite3.connect(directory / "ledger.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def secrets_test(t, case):
    log = case.log()
    with log.open() as db:
        secret = db.execute("SELECT secret FROM generations WHERE number = 2").fetchone()[0]
        db.execute("UPDATE generations SET secret = ? WHERE number = 2", (secret[:50] + bytes([secret[50] ^ 1]) + secret[51:],))
    done = subprocess.run([DRIVER, LEDGER, "--append", log.path, "1"], capture_output=True, timeout=HANG)
    t.ok(done.returncode != 0 and b"does not open the signing keys" in done.stderr,
         "with secrets that were changed the ledger does not start", done.stderr)


# ---- the file ----

def schema_test(t, case):
    for name, statement in (
            ("a guard is gone", "DROP TRIGGER entries_keep"),
            ("an index is gone", "DROP INDEX entries_trace"),
            ("a table more", "CREATE TABLE more (x)"),
            ("a trigger more", "CREATE TRIGGER more AFTER INSERT ON marks BEGIN DELETE FROM marks; END"),
            ("another version", "PRAGMA user_version = 7")):
        log = case.log()
        with contextlib.closing(sqlite3.connect(log.file)) as db:
            db.execute(statement)
        case.bad(log, name, {"database"})
    log = case.log()
    with contextlib.closing(sqlite3.connect(log.file)) as db:
        db.executescript("DROP TABLE tiles; CREATE VIEW tiles AS SELECT 0 AS id, randomblob(8192) AS hashes")
    case.bad(log, "a view in the place of a table", {"database"})

    log = case.log()
    with log.open() as db:  # the index does not have the entry any more: who asks by tenant does not see it
        sql = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'entries_tenant'").fetchone()[0]
        for text in (sql + " WHERE idx <> 77", sql):
            db.execute("PRAGMA writable_schema = ON")
            db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'entries_tenant'", (text,))
            db.execute("PRAGMA schema_version = %d" % (db.execute("PRAGMA schema_version").fetchone()[0] + 1))
            db.execute("PRAGMA writable_schema = RESET")
            if text != sql:
                db.execute("REINDEX entries_tenant")
    t.equal(len(log.rows("SELECT idx FROM entries INDEXED BY entries_tenant WHERE tenant = (SELECT tenant FROM"
                         " entries WHERE idx = 77) AND idx IN (57, 77)")), 1, "(the index lacks it)")
    case.bad(log, "an index that does not have all entries", {"database"})


def pages_test(t, case):
    whole = Log(case.base, "whole")
    data, content = whole.file.read_bytes(), whole.content()
    torn = {"the last page is cut": data[:-4096], "the last bytes are cut": data[:-100], "half of it is cut": data[:len(data) // 2],
            "one page is left": data[:4096], "nothing is left": b"", "it is no database": b"noise" * 5000}
    for n in (len(data) // 4096 - 1, 2, len(data) // 8192):
        torn[f"page {n} of {len(data) // 4096} is zero"] = data[:n * 4096] + bytes(4096) + data[(n + 1) * 4096:]
    for name, new in torn.items():
        log = case.log()
        log.file.write_bytes(new)
        status, result, said = check(log.path)
        same = name == "the last bytes are cut" and status == 0 and log.content() == content  # no value was there
        t.ok(status == 1 and result and not result["ok"] or same, name, f"status {status}, {result}, {said}")
    seed, unseen = random.Random(7), 0
    for i in range(80):
        log = case.log()
        at = seed.randrange(len(data))
        log.file.write_bytes(data[:at] + bytes([data[at] ^ 1 << seed.randrange(8)]) + data[at + 1:])
        status, result, said = check(log.path)
        if status == 0:  # right, if nothing of what the database says has changed
            try:
                same = log.content() == content
            except sqlite3.Error:
                same = False
            unseen += 1
        t.ok(status == 1 and result and result["findings"] or status == 0 and same,
             f"a bit is turned at {at}", f"status {status}, {result}, {said}")
    t.ok(unseen < 40, "most bits say something", f"{unseen} said nothing")


# ---- a log that is whole ----

def whole_test(t, case):
    log = case.log()
    for options in ((), ("--signatures",)):
        status, data, said = check(log.path, *options)
        t.equal(status, 0, f"a whole log is whole {options}")
        if status != 0:
            t.ok(False, "why", f"{data} {said}")
            continue
        for member, sql in (("entries", "SELECT count(*) FROM entries"), ("checkpoints", "SELECT count(*) FROM checkpoints"),
                            ("generations", "SELECT count(*) FROM generations")):
            t.equal(data[member], log.rows(sql)[0][0], f"it counts {member}")
        lines = sum(bytes(j[0]).count(b"\n") for j in log.rows("SELECT journal FROM entries"))
        t.equal(data["events"], lines, "it counts events")
        note = log.rows("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")[0][0].decode().split("\n")
        t.equal([data["origin"], str(data["newest"]["size"]), data["newest"]["root"]], note[:3], "it says the newest checkpoint")
        t.equal(data["signatures"], bool(options), "it says what was looked at")
    done = subprocess.run([LEDGER, "check", log.path], capture_output=True, timeout=HANG)
    t.ok(done.returncode == 0 and b"log.example/small is whole" in done.stdout, "it says so to a person", done.stdout)
    log.sql(("UPDATE entries SET tenant = ? WHERE idx = 3", ("\x1b[2Jevil\u202e",)))
    done = subprocess.run([LEDGER, "check", log.path], capture_output=True, timeout=HANG)
    t.ok(done.returncode == 1 and b"entry 3 (run_" in done.stdout and b"\x1b" not in done.stdout
         and b"\\x1b[2Jevil\\xe2\\x80\\xae" in done.stdout, "and what is hostile steers nothing", done.stdout)
    for argv in (["--nonsense"], [], [log.path, log.path]):
        done = subprocess.run([LEDGER, "check", *argv], capture_output=True, timeout=HANG)
        t.equal(done.returncode, 2, f"usage: {argv and argv[0] == log.path or argv}")
    t.equal(check(log.path / "nowhere")[0], 5, "a directory that is not there")
    log = case.log()
    log.file.unlink()
    log.file.mkdir()
    status, data, said = check(log.path)
    t.ok(status == 5 and data is None and "cannot open" in said, "a database that cannot be opened says nothing of the log", said)


def running_test(t, case):
    log = case.log()
    with subprocess.Popen([DRIVER, LEDGER, "--append", log.path, "20000"], stderr=subprocess.DEVNULL) as p:
        sizes = []
        while p.poll() is None:
            status, data, said = check(log.path)
            if not t.ok(status == 0, "it is whole while it grows", f"{data} {said}"):
                p.kill()
                break
            sizes.append(data["entries"])
            time.sleep(0.05)
        p.wait()
    t.ok(p.returncode == 0 and len(set(sizes)) > 2 and sizes == sorted(sizes), "it was growing", sizes)
    case.good(log, "it is whole after that, several tiles high", "--signatures")
    # What comes after the first 65,536 entries has a tile of the next level above it.
    subprocess.run([DRIVER, LEDGER, "--append", log.path, "50000"], stderr=subprocess.DEVNULL, check=True, timeout=HANG)
    case.good(log, "it is whole with tiles of two levels")
    tiles = dict(log.rows("SELECT id, hashes FROM tiles WHERE id = ? OR id = 200", LEVEL))
    for number, place in ((LEVEL, ("tile", "tile 1/000")), (200, ("entry", 200 * WIDTH + 99))):
        old = tiles[number]
        with log.open() as db:
            db.execute("UPDATE tiles SET hashes = ? WHERE id = ?", (old[:3170] + bytes([old[3170] ^ 4]) + old[3171:], number))
        case.bad(log, f"a bit of {place}", place)
        with log.open() as db:
            db.execute("UPDATE tiles SET hashes = ? WHERE id = ?", (old, number))
    log.sql(("DELETE FROM tiles WHERE id = ?", (LEVEL,)))
    case.bad(log, "no tile of the next level", ("tile", "tile 1/000"))


def test(t):
    base = pathlib.Path(tempfile.mkdtemp(prefix="cordon-check-"))
    try:
        (base / "made").mkdir()
        make(base / "made")
        case = Case(t, base / "made")
        for part in (whole_test, columns_test, deleted_test, inserted_test, swapped_test, history_test, secrets_test,
                     schema_test, pages_test, running_test):
            if len(sys.argv) < 3 or sys.argv[2] in part.__name__:
                part(t, case)
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    tap.main(test)
