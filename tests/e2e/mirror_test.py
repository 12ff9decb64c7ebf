#!/usr/bin/env python3
"""Receipts, the mirror of the log and its witness, as the command line has them: against logs of evidence-make that are
as they should be, shrink, fork, or are wrong anywhere."""

import json
import os
import pathlib
import re
import subprocess
import tempfile

import cordon
import tap
from client_test import CONTROL, EVIL, Client, refused
from fake import Fake, http

BUILD = pathlib.Path(os.environ.get("CORDON_BUILD", cordon.ROOT / "build"))
HANG = 60


def receipts(t, directory):
    bundle = {"mediaType": "x", "v": EVIL}
    path = pathlib.Path(directory) / "bundle.json"
    with Fake(lambda q: http(json.dumps(bundle)) if b"wait=true" in q else
              http('{"code":"receipt.pending","detail":"no checkpoint covers it yet"}', 409)) as fake:
        client = Client(url=fake.url)
        refused(t, client("receipt", "run_1"), 2, "--wait", "receipt: pending, and what to do")
        r = client("receipt", "run_1", "--wait")
        t.ok(r.status == 0 and json.loads(r.out) == bundle and not CONTROL.search(r.out), "receipt --wait", repr(r.out))
        r = client("receipt", "../x", "--wait", "--output", path)
        t.ok(r.status == 0 and r.out == "" and json.loads(path.read_text()) == bundle, "receipt --output", r)
        t.ok(b"/v1/receipts/..%2Fx?wait=true" in fake.requests[-1], "an ID is one part of a path", fake.requests[-1])
        refused(t, client("receipt", "run_1", "--wait", "--output", "/no/such/x"), 5, "(receipt.output)", "a file that cannot be made")
    with Fake(http("{no")) as fake:
        refused(t, Client(url=fake.url)("receipt", "run_1", "--output", path), 5, "(client.answer)", "a bundle that is none")
        t.equal(json.loads(path.read_text()), bundle, "leaves what was there")


class LogServer:
    """A log that evidence-make wrote, for Fake: /v1/log/… of it. `checkpoint` is the file that is the newest."""

    def __init__(self, directory, checkpoint="checkpoint"):
        self.directory, self.checkpoint, self.posted, self.changes = pathlib.Path(directory), checkpoint, [], {}
        self.cosign = None

    def __call__(self, request):
        method, path = request.split(b" ")[:2]
        path = path.decode().removeprefix("/v1/log/")
        if method == b"POST":
            self.posted.append(request)
            note = http(request.partition(b"\r\n\r\n")[2], kind="text/plain")
            return self.cosign(note) if self.cosign else note
        if path == "checkpoint":
            return http(self.changes.get(path) or (self.directory / self.checkpoint).read_bytes(), kind="text/plain")
        if path.startswith("proof/consistency?from=260&size=300"):
            return http(self.changes.get("proof") or json.dumps({"from": 260, "size": 300, "hashes": self.proof()}))
        file = self.directory / path
        if not file.is_file():
            return http('{"code":"log.tile","detail":"none"}', 404)
        return http(self.changes.get(path) or file.read_bytes(), kind="application/octet-stream")

    def proof(self):
        return (self.directory / "consistency").read_text().split()


def make_log(directory, *args):
    subprocess.run([BUILD / "evidence-make", directory, "260", "300", *map(str, args)], check=True, timeout=HANG)
    return directory


def files(directory):
    return {str(p.relative_to(directory)): p.read_bytes() for p in pathlib.Path(directory).rglob("*") if p.is_file()}


def mirror(t, log, rewritten, directory):
    to, server = os.path.join(directory, "mirror"), LogServer(log, "checkpoint.first")
    vkey = (log / "log.vkey").read_text().strip()
    wanted = {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"}
    with Fake(server) as fake:
        client = Client(url=fake.url)

        def export(*args):
            return client("log", "export", to, *args)

        r = export("--log-key", vkey)
        t.ok(r.status == 0 and r.out.startswith("mirrored 260 "), "log export", r)
        have = files(to)
        t.equal(set(have), wanted | {"checkpoint", "tile/0/001.p/4", "tile/entries/001.p/4"}, "in the layout of tlog-tiles")
        t.ok(all(have[name] == (log / ("checkpoint.first" if name == "checkpoint" else name)).read_bytes() for name in have),
             "byte for byte")
        server.checkpoint = "checkpoint"
        fake.requests.clear()
        r = export("--json")
        t.equal((r.data["size"], r.data["fetched"]), (300, 3), "later: only what is new")
        t.ok(not any(b"/tile/0/000 " in q or b"/entries/000 " in q for q in fake.requests), "whole tiles are kept", fake.requests)
        have = files(to)
        t.equal(set(have), wanted | {"checkpoint", "tile/0/001.p/44", "tile/entries/001.p/44"}, "and narrower ones are gone")
        server.checkpoint = "checkpoint.first"
        refused(t, export(), 5, "SHRANK", "a log that shrank is refused")
        server.checkpoint = "checkpoint"
        server.directory = rewritten
        refused(t, export(), 5, "(mirror.", "and one that was rewritten")
        t.equal(files(to), have, "the mirror is left as it was")
        server.directory = log
        other = os.path.join(directory, "other")
        for name, path, change in (("an entry", "tile/entries/000", lambda b: b[:9] + bytes([b[9] ^ 1]) + b[10:]),
                                   ("an entry cut off", "tile/entries/001.p/44", lambda b: b[:-1]),
                                   ("an entry too many", "tile/entries/001.p/44", lambda b: b + b"\0\0"),
                                   ("a hash of a whole tile", "tile/0/000", lambda b: bytes([b[0] ^ 1]) + b[1:]),
                                   ("a hash of the last tile", "tile/0/001.p/44", lambda b: bytes([b[0] ^ 1]) + b[1:]),
                                   ("a tile cut off", "tile/0/000", lambda b: b[:-32]),
                                   ("a tile of the next level", "tile/1/000.p/1", lambda b: bytes(32))):
            server.changes = {path: change((log / path).read_bytes())}
            r = client("log", "export", other)
            t.ok(r.status == 5 and r.out == "" and "checkpoint" not in files(other), f"nothing is kept of a log with something wrong: {name}", r)
        server.changes = {"checkpoint": (log / "checkpoint").read_bytes().replace(b"\n300\n", b"\n299\n")}
        refused(t, client("log", "export", other, "--log-key", vkey), 5, "(log.signature)", "nor one whose checkpoint is not signed")
        server.changes = {"checkpoint": b"hello"}
        refused(t, client("log", "export", other), 5, "(client.answer)", "nor one without")
        server.changes = {}
        refused(t, client("log", "export", "/proc/x"), 5, "(mirror.file)", "a place that cannot be written")
        t.equal(client("log", "checkpoint", "--log-key", vkey).out.encode(), (log / "checkpoint").read_bytes(), "log checkpoint")
        t.equal(client("log", "checkpoint", "--json").data["size"], 300, "log checkpoint --json")
        foreign = vkey.replace("log.example.com", "log.example.org")
        t.equal(client("log", "checkpoint", "--log-key", foreign).status, 2, "a verifier key whose hash is not its own")


def witness(t, log, rewritten, directory):
    key, state = os.path.join(directory, "witness.key"), pathlib.Path(directory) / "witness.state"
    vkey = (log / "log.vkey").read_text().strip()
    server = LogServer(log, "checkpoint.first")
    r = Client()("log", "witness", "--new-key", "w.example.com/1", "--key", key)
    t.ok(r.status == 0 and re.fullmatch(r"w\.example\.com/1\+[0-9a-f]{8}\+B[\w+/=]+\n", r.out), "log witness --new-key", r)
    t.equal(oct(os.stat(key).st_mode & 0o777), "0o600", "for its owner alone")
    t.equal(Client()("log", "witness", "--new-key", "x", "--key", key).status, 2, "a key is not replaced")
    t.equal(Client()("log", "witness", "--new-key", "a b", "--key", key + "2").status, 2, "a name without spaces")
    with Fake(server) as fake:
        client = Client(url=fake.url)

        def sign(*args):
            return client("log", "witness", "--key", key, "--state", state, "--log-key", vkey, *args)

        r = sign()
        t.ok(r.status == 0 and r.out.startswith("cosigned 260 "), "log witness: the first checkpoint is believed", r)
        head, _, body = server.posted[0].partition(b"\r\n\r\n")
        t.ok(body.startswith((log / "checkpoint.first").read_bytes()) and "— w.example.com/1 ".encode() in body,
             "and given back with its signature", server.posted)
        server.checkpoint = "checkpoint"
        r = sign("--json")
        t.equal((r.status, r.data and r.data["size"]), (0, 300), "a log that grew is signed")
        t.equal(state.read_bytes(), (log / "checkpoint").read_bytes(), "and kept")
        t.equal(sign().status, 0, "the same again too")
        posted = len(server.posted)
        server.checkpoint = "checkpoint.first"
        refused(t, sign(), 5, "(witness.shrank)", "a log that shrank is not")
        t.equal((state.parent / "witness.state.conflict").read_bytes(), (log / "checkpoint.first").read_bytes(), "its checkpoint is evidence")
        server.checkpoint, server.directory = "checkpoint", rewritten
        refused(t, sign(), 5, "(witness.fork)", "nor one with another root for the same size")
        state.write_bytes((log / "checkpoint.first").read_bytes())
        refused(t, sign(), 5, "(witness.fork)", "nor one that was rewritten since")
        server.directory = log
        server.changes = {"proof": json.dumps({"hashes": server.proof()[:-1]})}
        refused(t, sign(), 5, "(witness.fork)", "nor one that proves less")
        server.changes = {"proof": '{"hashes":[5]}'}
        refused(t, sign(), 5, "(client.answer)", "nor one that proves nothing")
        server.changes = {"checkpoint": (log / "checkpoint").read_bytes().replace(b"\n300\n", b"\n301\n")}
        refused(t, sign(), 5, "(log.signature)", "nor what the log did not sign")
        server.changes = {}
        t.equal(len(server.posted), posted, "none of them got a signature")
        answers = iter([http('{"code":"witness.stale","detail":"there is a newer one"}', 409)] * 2)
        server.cosign = lambda note: next(answers, note)
        t.equal(sign().status, 0, "if there is a newer one meanwhile, that is signed")
        server.cosign = lambda note: http('{"code":"witness.unknown","detail":"who?"}', 403)
        refused(t, sign(), 3, "(witness.unknown)", "a witness that the log does not know")
        server.cosign = lambda note: http((log / "checkpoint.cosigned").read_bytes())
        refused(t, sign(), 5, "(witness.unknown)", "or whose signature it does not show")
        state.write_text("nothing")
        refused(t, sign(), 5, "(witness.state)", "a state that is none is not replaced")
        t.equal(state.read_text(), "nothing", "at all")
    note = pathlib.Path(directory) / "cosigned"
    note.write_bytes(body)
    t.ok(body.count(b"\n\xe2\x80\x94 ") == 2, "a cosigned note has two signatures", body)


def test(t):
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        receipts(t, directory)
        log = pathlib.Path(make_log(os.path.join(directory, "log"), 1))
        rewritten = pathlib.Path(make_log(os.path.join(directory, "rewritten"), 1, 5))
        mirror(t, log, rewritten, directory)
        witness(t, log, rewritten, directory)


if __name__ == "__main__":
    tap.main(test)
