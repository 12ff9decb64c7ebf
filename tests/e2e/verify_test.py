#!/usr/bin/env python3
"""`cordon verify`: what it says of a receipt, what it refuses, and what it compares; `cordon log check`: the ledger's
database where the daemon has it."""

import base64
import contextlib
import copy
import hashlib
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import tempfile
import time

import cordon
import tap
from daemon import Daemon
from ledger import Witness

CODE = "async ({ input }) => { try { await fetch('https://one.example/?q=' + input.q) } catch (e) { return 'd\u00e9ni\u00e9' } }"


class Place:
    """A directory with everything that a verifier is given."""

    def __init__(self, directory):
        self.at = pathlib.Path(directory)

    def put(self, name, what):
        path = self.at / name
        path.write_bytes(what if isinstance(what, bytes) else
                         (what if isinstance(what, str) else json.dumps(what)).encode())
        return path

    def verify(self, *files, root="root.json", stdin=None, **options):
        argv = ["verify", *[self.at / f if f != "-" else f for f in files], "--trusted-root", self.at / root]
        for name, value in options.items():
            argv += [f"--{name}"] if value is True else [f"--{name}", value]
        return cordon.command(argv, stdin=stdin)


def openssl(*argv, **kw):
    return subprocess.run(["openssl", *map(str, argv)], check=True, stdout=subprocess.PIPE, timeout=60, **kw).stdout


class Forger:
    """A log of one entry, with keys of its own, that says what its owner likes."""

    def __init__(self, place, origin="forged.example/log"):
        self.place, self.origin = place, origin
        self.keys = {}
        for name in ("statement", "log"):
            openssl("genpkey", "-algorithm", "ed25519", "-out", place.at / f"{name}.pem")
            self.keys[name] = openssl("pkey", "-in", place.at / f"{name}.pem", "-pubout", "-outform", "DER")
        self.hint = hashlib.sha256(self.keys["statement"]).hexdigest()
        self.log_id = hashlib.sha256(origin.encode() + b"\n\x01" + self.keys["log"][-32:]).digest()

    def sign(self, name, message):
        path = self.place.put("message", message)
        return openssl("pkeyutl", "-sign", "-inkey", self.place.at / f"{name}.pem", "-rawin", "-in", path)

    def root(self):
        return {"trustedRoot": {"mediaType": "application/vnd.dev.sigstore.trustedroot.v0.2+json", "tlogs": [{
            "baseUrl": f"https://{self.origin}", "hashAlgorithm": "SHA2_256", "publicKey": {
                "rawBytes": text(self.keys["log"]), "keyDetails": "PKIX_ED25519",
                "validFor": {"start": "2026-01-01T00:00:00.000Z"}},
            "logId": {"keyId": text(self.log_id)}}], "certificateAuthorities": [], "ctlogs": [],
            "timestampAuthorities": []}, "keys": {self.hint: text(self.keys["statement"])}}

    def bundle(self, statement):
        payload = json.dumps(statement, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        kind = "application/vnd.in-toto+json"
        signature = self.sign("statement", f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
        body = json.dumps({"apiVersion": "0.0.2", "kind": "dsse", "spec": {"dsseV002": {
            "payloadHash": {"algorithm": "SHA2_256", "digest": text(hashlib.sha256(payload).digest())},
            "signatures": [{"content": text(signature), "verifier": {
                "keyDetails": "PKIX_ED25519", "publicKey": {"rawBytes": text(self.keys["statement"])}}}]}}},
            separators=(",", ":"), sort_keys=True).encode()
        root = hashlib.sha256(b"\0" + body).digest()
        note = f"{self.origin}\n1\n{text(root)}\n"
        line = text(self.log_id[:4] + self.sign("log", note.encode()))
        return {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {
            "publicKey": {"hint": self.hint}, "tlogEntries": [{
                "logIndex": "0", "logId": {"keyId": text(self.log_id)}, "kindVersion": {"kind": "dsse", "version": "0.0.2"},
                "inclusionProof": {"logIndex": "0", "rootHash": text(root), "treeSize": "1", "hashes": [],
                                   "checkpoint": {"envelope": f"{note}\n\u2014 {self.origin} {line}\n"}},
                "canonicalizedBody": text(body)}]},
            "dsseEnvelope": {"payload": text(payload), "payloadType": kind,
                             "signatures": [{"keyid": self.hint, "sig": text(signature)}]}}


def text(data):
    return base64.b64encode(data).decode()


def flipped(value):
    """Base64 with another bit."""
    raw = base64.b64decode(value)
    return text(raw[:9] + bytes([raw[9] ^ 2]) + raw[10:])


def client(daemon, *argv, **kw):
    return cordon.command([*argv, "--data", daemon.data], **kw)


def refused(t, place):
    """Each part of a bundle is looked at, and the first that is not as it should be gives the code."""
    good = json.loads((place.at / "receipt.json").read_bytes())
    entry = "verificationMaterial.tlogEntries.0."
    for path, change, code in (
            ("mediaType", lambda v: v + "x", "verify.form"),
            ("dsseEnvelope.payload", flipped, "verify.signature"),
            ("dsseEnvelope.signatures.0.sig", flipped, "verify.signature"),
            ("verificationMaterial.publicKey.hint", lambda v: v[::-1], "verify.form"),
            (entry + "canonicalizedBody", flipped, "verify.entry"),
            (entry + "logIndex", lambda v: str(int(v) + 1), "verify.form"),
            (entry + "inclusionProof.rootHash", flipped, "verify.inclusion"),
            (entry + "inclusionProof.hashes.0", flipped, "verify.inclusion"),
            (entry + "inclusionProof.treeSize", lambda v: str(int(v) + 1), "verify."),
            (entry + "logId.keyId", flipped, "verify.checkpoint"),
            (entry + "inclusionProof.checkpoint.envelope", lambda v: v.replace("\n\n", "\nx\n\n"), "verify.checkpoint")):
        bad = copy.deepcopy(good)
        at, names = bad, path.split(".")
        for name in names[:-1]:
            at = at[int(name)] if name.isdigit() else at[name]
        last = int(names[-1]) if names[-1].isdigit() else names[-1]
        at[last] = change(at[last])
        place.put("bad.json", bad)
        r = place.verify("bad.json", json=True)
        t.ok(r.status == 1 and r.data and r.data["ok"] is False and r.data["code"].startswith(code)
             and set(r.data) == {"file", "ok", "code", "detail"}, f"{path} is changed", r)
    for name, what in (("nothing", b""), ("half", (place.at / "receipt.json").read_bytes()[:900]), ("noise", b"\xff\0\x1b[2J" * 99),
                       ("a list", b"[]"), ("another thing", b"{}")):
        place.put("bad.json", what)
        r = place.verify("bad.json")
        t.ok(r.status == 1 and "NOT GOOD" in r.out and "\x1b" not in r.out and "Proven" not in r.out, f"{name} is no receipt", r)


def compared(t, place, run):
    """An output and a journal are those of the receipt, or not."""
    value, events = json.dumps(run["value"], ensure_ascii=False), (place.at / "events").read_text()
    lines = events.splitlines(keepends=True)
    r = place.verify("receipt.json", json=True, output=place.put("output", value), journal=place.at / "events")
    t.ok(r.status == 0 and r.data["output_compared"] and r.data["journal_compared"], "output and journal are those", r)
    r = place.verify("receipt.json", output=place.put("output", value + "\n"), journal=place.at / "events")
    t.ok(r.status == 0 and "- the output is the one in the file" in r.out and "- the events of its journal are those" in r.out
         and "what the output was" not in r.out, "a line feed at its end may be more", r)
    for name, what in (("other", value + " "), ("none", ""), ("two line feeds", value + "\n\n")):
        r = place.verify("receipt.json", json=True, output=place.put("output", what))
        t.ok(r.status == 1 and r.data["code"] == "verify.output", f"an output is {name}", r)
    t.ok('"request":' in events, "(an event shows what was asked for)", events)
    without = re.sub(r',"request":.*\}\n', "}\n", events)
    for name, what, code in (
            ("without what was asked for", without, None),
            ("without its last line feed", events[:-1], None),
            ("without its last event", "".join(lines[:-1]), "verify.journal"),
            ("without its first event", "".join(lines[1:]), "verify.journal"),
            ("with two in another order", "".join([lines[0], lines[2], lines[1], *lines[3:]]), "verify.journal"),
            ("with one twice", "".join([*lines, lines[-1]]), "verify.journal"),
            ("with another reason", events.replace("egress", "ingress"), "verify.journal"),
            ("with another request", events.replace("q=seven", "q=eight"), "verify.request"),
            ("empty", "", "verify.journal"),
            ("noise", "\x1b[2J{}\n", "verify.journal")):
        r = place.verify("receipt.json", json=True, journal=place.put("journal", what))
        t.ok(r.status == (1 if code else 0) and r.data["code"] == code, f"a journal {name}", r)
    r = place.verify("receipt.json", json=True, journal=place.at / "nowhere")
    t.ok(r.status == 1 and r.data["code"] == "verify.file", "a journal that is not there", r)
    r = place.verify("act.json", json=True, output=place.at / "output")
    t.ok(r.status == 1 and r.data["code"] == "verify.output", "an act has no output", r)


def called(t, place):
    r = cordon.command(["verify", place.at / "receipt.json"])
    t.ok(r.status == 2 and "cordon log trusted-root" in r.err, "without a trusted root nothing is believed", r)
    r = place.verify("receipt.json", root="receipt.json")
    t.ok(r.status == 2 and not r.out, "what is no trusted root", r)
    r = place.verify("receipt.json", "act.json", output=place.at / "output")
    t.ok(r.status == 2, "an output is of one receipt", r)
    r = place.verify("receipt.json", witness="nonsense")
    t.ok(r.status == 2 and "NAME+HASH+KEY" in r.err, "a witness that is none", r)
    r = place.verify("-", stdin=(place.at / "receipt.json").read_text(), json=True)
    t.ok(r.status == 0 and r.data["file"] == "-", "from standard input", r)
    r = place.verify("receipt.json", "nowhere", "act.json", json=True)
    told = [json.loads(line) for line in r.out.splitlines()]
    t.equal((r.status, [x["ok"] for x in told], [x["code"] for x in told]),
            (1, [True, False, True], [None, "verify.file", None]), "each file is told of, on a line of its own")
    name = "x\x1b[2J\u202e.json"
    r = place.verify(place.put(name, b"{}").name)
    t.ok(r.status == 1 and "\x1b" not in r.out and "\u202e" not in r.out, "a file's name steers no terminal", r)


def hostile(t, place):
    """Somebody's own log, with a right signature under whatever they like to say."""
    forger = Forger(place)
    evil = "\x1b[2J\u202egood\n\n  Proven:\n\0x"
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:cordon:run:v1",
                 "subject": [{"name": "output", "digest": {"sha256": evil}}, {"name": 7, "digest": {"sha256": "00"}}],
                 "predicate": {"run": {"id": evil, "tenant": evil.replace("\0", "")}, "result": {"outcome": evil, "reason": [1]},
                               "journal": {"count": "many", "root": 7, "sealed_by": evil, "outcome": "\x9b2J"},
                               "decisions": [], "policy": {"digest": {"x": 1}, "profile": evil}, "recorded": "never"}}
    place.put("evil.json", forger.bundle(statement))
    place.put("evil-root.json", forger.root())
    r = place.verify("evil.json")
    t.ok(r.status == 1 and "verify.key" in r.out, "with the right root its key is unknown", r)
    r = place.verify("evil.json", root="evil-root.json")
    t.ok(r.status == 0 and not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", r.out), "what it says steers no terminal", r)
    t.equal(r.out.count("\n  Proven"), 1, "and fakes no line")
    r = place.verify("evil.json", root="evil-root.json", json=True)
    t.ok(r.status == 0 and r.data is not None and "\x1b" not in r.out, "its JSON is JSON", r)
    for path, what in (("output", "output"), ("journal", "events")):
        r = place.verify("evil.json", root="evil-root.json", json=True, **{path: place.at / what})
        t.ok(r.status == 1 and r.data["code"] == f"verify.{path}", f"its {path} cannot be compared", r)
    other = {**statement, "predicateType": "https://slsa.dev/provenance/v1", "predicate": {}}
    place.put("other.json", forger.bundle(other))
    r = place.verify("other.json", root="evil-root.json")
    t.ok(r.status == 0 and "nothing of Cordon's" in r.out, "what is about something else is said to be", r)


def verified(t, place, daemon, witness):
    key = daemon.key(daemon.tenant("acme"))
    run = daemon.run(CODE, key=key, profile="transform", input={"q": "seven"}).data
    admin = ("--tenant", "acme")
    place.put("root.json", client(daemon, "log", "trusted-root").out)
    place.put("events", client(daemon, "runs", "events", run["run"], *admin).out)
    client(daemon, "receipt", run["run"], "--wait", "--output", place.at / "receipt.json")
    listed = [json.loads(line) for line in client(daemon, "events", "list", "--json").out.splitlines()]
    act = next(e for e in listed if e["event"]["event"] == "tenant_created")
    place.put("act.json", client(daemon, "receipt", act["receipt"]).out)

    r = place.verify("receipt.json", json=True)
    d = r.data or {}
    lines = (place.at / "events").read_text().splitlines()
    t.equal((r.status, d.get("ok"), d.get("run"), d.get("act"), d.get("tenant"), d.get("outcome"), d.get("policy")),
            (0, True, run["run"], None, "acme", "completed", run["policy"]), "a receipt is good, and says of what it is")
    t.equal((d["denied"], d["journal"]["count"], d["journal"]["sealed_by"], d["receipt"], "sha256:" + d["artifact_sha256"]),
            (1, len(lines), "node", run["receipt"]["id"] if isinstance(run["receipt"], dict) else run["receipt"], run["artifact"]),
            "and what it came to")
    r = place.verify("receipt.json")
    for part in (f"run        {run['run']} of tenant acme", "decisions  0 allowed, 1 denied", f"{len(lines)} events, sealed by node",
                 f"whoever has the key {d['statement_key']} signed this", f"it is entry {d['entry']} of the log",
                 f"the log's key {d['log_key']} signed a checkpoint of {d['size']} entries",
                 "no witness whose key was given has signed", "the trusted root says so, and is yours to get",
                 "compare a file with --output", "compare a file with --journal"):
        t.has(r.out, part, f"a person reads: {part[:40]}")
    r = place.verify("act.json", json=True)
    t.ok(r.status == 0 and r.data["act"] == act["event"]["act"] and r.data["run"] is None and r.data["tenant"] == "acme",
         "an act's receipt is good", r)

    signed = daemon.ask("POST", "/v1/log/cosignatures", witness.sign(client(daemon, "log", "checkpoint").out), local=True)
    t.equal(signed.status, 200, "a witness signs")
    client(daemon, "receipt", run["run"], "--output", place.at / "receipt.json")
    r = place.verify("receipt.json", json=True, witness=witness.verifier)
    t.ok(r.status == 0 and [w["name"] for w in r.data["witnesses"]] == [witness.name], "and is named, who knows its key", r)
    r = place.verify("receipt.json", witness=witness.verifier)
    t.ok(f"the witness {witness.name} signed that checkpoint too" in r.out and "no witness" not in r.out, "to a person too", r)
    with contextlib.closing(Witness(witness.name)) as other:
        r = place.verify("receipt.json", json=True, witness=other.verifier)
        t.ok(r.status == 0 and r.data["witnesses"] == [], "but by its own key only", r)
    return run


def checked(t, place, daemon):
    """The ledger's database, while the daemon runs and after."""
    r = client(daemon, "log", "check", "--json", "--signatures")
    t.ok(r.status == 0 and r.data["ok"] and r.data["entries"] > 3 and r.data["signatures"], "the log is whole", r)
    kept = place.put("kept", client(daemon, "log", "checkpoint").out)
    os.chmod(kept, 0o600)
    r = client(daemon, "log", "check", "--json", "--checkpoint", kept)
    t.ok(r.status == 0 and r.data["kept_checkpoint"], "and that of a checkpoint that was kept", r)
    r = client(daemon, "log", "check", "--checkpoint", "-", stdin=kept.read_text())
    t.ok(r.status == 0 and "is whole" in r.out, "be it on standard input", r)
    owner = (pathlib.Path(daemon.data) / "ledger").stat().st_uid
    with subprocess.Popen([cordon.binary(), "log", "check", "--data", daemon.data, "--checkpoint", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as p:
        proc, end = pathlib.Path("/proc") / str(p.pid), time.monotonic() + 30
        while not (proc / "cmdline").read_bytes().startswith(b"cordon-ledger\0") and time.monotonic() < end:
            time.sleep(0.01)
        ids = [set(map(int, line.split()[1:])) for line in (proc / "status").read_text().splitlines()
               if line.startswith(("Uid", "Gid"))]
        p.communicate(kept.read_bytes(), timeout=60)
        t.equal((ids[0], p.returncode), ({owner}, 0), "who looks at it is the database's owner, and nobody else")
    r = client(daemon, "log", "check", "--checkpoint", place.at / "receipt.json")
    t.equal(r.status, 2, "a checkpoint that is none")
    r = client(daemon, "log", "check", "--checkpoint", place.at / "nowhere")
    t.equal(r.status, 2, "a checkpoint that is not there")
    r = cordon.command(["log", "check", "--data", place.at])
    t.ok(r.status == 5 and "no ledger" in r.err, "a directory without a ledger", r)

    daemon.stop()
    directory = pathlib.Path(daemon.data) / "ledger"
    t.equal(client(daemon, "log", "check").status, 0, "without the daemon")
    with contextlib.closing(sqlite3.connect(directory / "ledger.db")) as db, db:
        db.execute("DROP TRIGGER entries_keep")
        db.execute("UPDATE entries SET tenant = 'other' WHERE idx = 2")
        sql = "CREATE TRIGGER entries_keep BEFORE UPDATE ON entries BEGIN SELECT raise(ABORT, 'the log only grows'); END"
        db.execute(sql)
    for f in directory.iterdir():
        os.chown(f, directory.stat().st_uid, directory.stat().st_gid)
    r = client(daemon, "log", "check")
    t.ok(r.status == 1 and "entry 2 (" in r.out, "an entry that was changed is named", r)


def test(t):
    with tempfile.TemporaryDirectory(prefix="cordon-verify-") as directory, \
            contextlib.closing(Witness("witness.example/1")) as witness:
        os.chmod(directory, 0o711)
        place = Place(directory)
        with Daemon(options=("--log-witness", witness.verifier)) as daemon:
            run = verified(t, place, daemon, witness)
            refused(t, place)
            compared(t, place, run)
            called(t, place)
            hostile(t, place)
            checked(t, place, daemon)


if __name__ == "__main__":
    tap.main(test)
