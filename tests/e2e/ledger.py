"""What stands beside a daemon's ledger in tests: the RFCs' trees and proofs, a witness, a follower of events, and time
that has passed."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import time

DATABASE = os.path.join("ledger", "ledger.db")


def leaf(data):
    """RFC 6962, section 2.1."""
    return hashlib.sha256(b"\0" + data).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves):
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node(root(leaves[:k]), root(leaves[k:]))


def included(hashes, index, size, data):
    """RFC 9162, section 2.1.3.2: the root to which a proof of inclusion leads; None: to none."""
    fn, sn, r = index, size - 1, leaf(data)
    if index >= size:
        return None
    for p in hashes:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return r if sn == 0 else None


def consistent(hashes, first, second, first_root, second_root):
    """RFC 9162, section 2.1.4.2."""
    if first == second:
        return not hashes and first_root == second_root
    path = list(hashes)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


def age(daemon, seconds):
    """The ledger's keys are older than they were; it does not run meanwhile."""
    with contextlib.closing(sqlite3.connect(os.path.join(daemon.data, DATABASE))) as db, db:
        db.execute("UPDATE generations SET from_ms = from_ms - ?", (seconds * 1000,))


class Witness:
    """Signs checkpoints as C2SP tlog-cosignature has it, with a key of OpenSSL's."""

    def __init__(self, name):
        self.name = name
        self.directory = tempfile.TemporaryDirectory(prefix="cordon-witness-")
        self.at = pathlib.Path(self.directory.name)
        self._openssl("genpkey", "-algorithm", "ed25519", "-out", self.at / "key")
        der = self._openssl("pkey", "-in", self.at / "key", "-pubout", "-outform", "DER")
        key = b"\4" + der[-32:]
        self.id = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
        self.verifier = f"{name}+{self.id.hex()}+{base64.b64encode(key).decode()}"

    @staticmethod
    def _openssl(*argv):
        return subprocess.run(["openssl", *map(str, argv)], check=True, stdout=subprocess.PIPE, timeout=60).stdout

    def sign(self, checkpoint):
        """The checkpoint with its signature, and no other."""
        text, now = checkpoint[:checkpoint.rindex("\n\n") + 1], int(time.time())
        (self.at / "message").write_text(f"cosignature/v1\ntime {now}\n{text}")
        signature = self._openssl("pkeyutl", "-sign", "-inkey", self.at / "key", "-rawin", "-in", self.at / "message")
        line = base64.b64encode(self.id + now.to_bytes(8, "big") + signature).decode()
        return f"{text}\n\u2014 {self.name} {line}\n"

    def close(self):
        self.directory.cleanup()


class Follower:
    """Events as they come, one connection."""

    def __init__(self, daemon, query="", key=None, last=None):
        self.connection = daemon.connection(key)
        headers = {"Accept": "text/event-stream", **({"Authorization": f"Bearer {key}"} if key else {}),
                   **({"Last-Event-ID": last} if last else {})}
        self.connection.request("GET", f"/v1/events{query}", headers=headers)
        self.answer = self.connection.getresponse()
        self.status, self.headers = self.answer.status, self.answer.headers
        self.text = ""

    def next(self):
        """(id, data) of the next event; None: the stream is over."""
        seen = {}
        while line := self.answer.readline().decode():
            self.text += line
            if line == "\n" and "data" in seen:
                return seen["id"], json.loads(seen["data"])
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                seen[name] = value
        return None

    def take(self, count):
        return [self.next() for _ in range(count)]

    def close(self):
        self.answer.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
