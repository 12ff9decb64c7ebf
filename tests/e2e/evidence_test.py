#!/usr/bin/env python3
"""What a log and its receipts are to other people's programs: Sigstore's verifier, OpenSSL, and Go's checker of logs.

evidence-make writes a log with fixed keys (tests/evidence/make.c). Good evidence must be accepted by all of them, and
each change of it refused.
"""

import base64
import copy
import functools
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

import tap

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("CORDON_BUILD", ROOT / "build"))
RECEIPTS = HERE / "receipts"
HANG = 120
TYPE = "application/vnd.in-toto+json"
FIRST, SIZE, CHANGED = 260, 300, 5
SPKI = bytes.fromhex("302a300506032b6570032100")  # what precedes an Ed25519 key in DER


def run(*argv, **options):
    """(status, output)"""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=HANG, **options)
    return done.returncode, done.stdout.decode(errors="replace").strip()


def make(directory, first, size, seed, *changed):
    status, out = run(BUILD / "evidence-make", directory, first, size, seed, *changed)
    if status:
        sys.exit(f"evidence-make: {out}")
    return directory


def build_checker(directory):
    """Go's checker; its packages are Debian's, so nothing is fetched."""
    env = {**os.environ, "GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOFLAGS": "", "GOPROXY": "off",
           "GOCACHE": str(BUILD.resolve() / "go-cache")}
    status, out = run("go", "build", "-o", directory / "checktiles", ".", cwd=RECEIPTS / "checktiles", env=env)
    if status:
        sys.exit(f"go build: {out}")
    return directory / "checktiles"


def verify(root, *bundles):
    """A line for each bundle from the Sigstore verifier."""
    status, out = run("node", RECEIPTS / "verify.mjs", root, *bundles)
    lines = out.splitlines()
    if len(lines) != len(bundles) or (status == 0) != all(line == "ok" for line in lines):
        sys.exit(f"verify.mjs: status {status}\n{out}")
    return lines


def node_is_new_enough():
    status, version = run("node", "-p", "process.versions.node")
    return status == 0 and [int(part) for part in version.split(".")[:2]] >= [20, 17]


def entry(bundle):
    return bundle["verificationMaterial"]["tlogEntries"][0]


def flipped(text, at=0):
    """Base64 of the bytes with one bit changed."""
    data = bytearray(base64.b64decode(text))
    data[at] ^= 1
    return base64.b64encode(data).decode()


def changes(good, other, rewritten):
    """(what was changed, bundle, code of the Sigstore verifier)"""
    proof = "TLOG_INCLUSION_PROOF_ERROR"

    def changed(name, code, change):
        bundle = copy.deepcopy(good)
        change(bundle)
        return name, bundle, code

    def payload(b):
        text = base64.b64decode(b["dsseEnvelope"]["payload"]).replace(b'"run":', b'"run":9')
        b["dsseEnvelope"]["payload"] = base64.b64encode(text).decode()

    def signature(b):
        b["dsseEnvelope"]["signatures"][0]["sig"] = flipped(b["dsseEnvelope"]["signatures"][0]["sig"])

    def both(b):  # the entry of the log too, which then is not in the log
        signature(b)
        body = json.loads(base64.b64decode(entry(b)["canonicalizedBody"]))
        body["spec"]["dsseV002"]["signatures"][0]["content"] = b["dsseEnvelope"]["signatures"][0]["sig"]
        body = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        entry(b)["canonicalizedBody"] = base64.b64encode(body).decode()

    def checkpoint(old, new):
        def change(b):
            c = entry(b)["inclusionProof"]["checkpoint"]
            assert old in c["envelope"]
            c["envelope"] = c["envelope"].replace(old, new, 1)
        return change

    def foreign_checkpoint(b):
        entry(b)["inclusionProof"]["checkpoint"]["envelope"] = rewritten

    hashes = range(len(entry(good)["inclusionProof"]["hashes"]))
    yield changed("the payload", "TLOG_BODY_ERROR", payload)
    yield changed("the signature", "TLOG_BODY_ERROR", signature)
    yield changed("signature and entry", proof, both)
    for i in hashes:
        yield changed(f"hash {i} of the proof", proof,
                      lambda b, i=i: entry(b)["inclusionProof"]["hashes"].__setitem__(
                          i, flipped(entry(b)["inclusionProof"]["hashes"][i], 31)))
    yield changed("a hash left out", proof, lambda b: entry(b)["inclusionProof"]["hashes"].pop())
    yield changed("a hash too many", proof, lambda b: entry(b)["inclusionProof"]["hashes"].append(
        entry(b)["inclusionProof"]["hashes"][0]))
    yield changed("the index in the proof", proof, lambda b: entry(b)["inclusionProof"].update(logIndex="11"))
    yield changed("the size in the checkpoint", proof, checkpoint(f"\n{SIZE}\n", f"\n{SIZE + 1}\n"))
    yield changed("the origin of the checkpoint", proof, checkpoint("log.example.com", "log.example.org"))
    yield changed("the root in the checkpoint", proof,
                  checkpoint(entry(good)["inclusionProof"]["rootHash"],
                             flipped(entry(good)["inclusionProof"]["rootHash"])))
    yield changed("the checkpoint of a rewritten log", proof, foreign_checkpoint)
    yield changed("no entry of the log", "TLOG_ERROR", lambda b: b["verificationMaterial"].update(tlogEntries=[]))
    yield changed("no proof", "ValidationError", lambda b: entry(b).pop("inclusionProof"))
    yield changed("an unknown key", "PUBLIC_KEY_ERROR",
                  lambda b: b["verificationMaterial"]["publicKey"].update(hint="0" * 64))
    yield changed("another log and key under the hint of this one", proof, lambda b: b.update(
        {**other, "verificationMaterial": {**other["verificationMaterial"],
                                           "publicKey": good["verificationMaterial"]["publicKey"]}}))


def test_sigstore(t, logs, directory):
    log = logs["log"]
    bundles = sorted((log / "bundle").iterdir())
    t.equal(verify(log / "trusted-root.json", *bundles), ["ok"] * len(bundles), "Sigstore accepts every bundle")
    t.equal(verify(log / "trusted-root-rotated.json", *bundles), ["ok"] * len(bundles),
            "and those from before a rotation of keys")
    after = sorted((logs["next"] / "bundle").iterdir())
    t.equal(verify(log / "trusted-root-rotated.json", *after), ["ok"] * len(after), "and those from after it")
    lines = verify(log / "trusted-root.json", *after)
    t.ok(all(line.startswith("PUBLIC_KEY_ERROR") for line in lines), "but none by keys that it does not know", lines)
    good = json.loads((log / "bundle" / "10.json").read_text())
    other = json.loads((logs["next"] / "bundle" / "10.json").read_text())
    cases = list(changes(good, other, (logs["rewritten"] / "checkpoint").read_text()))
    paths = []
    for i, (_, bundle, _) in enumerate(cases):
        paths.append(directory / f"changed-{i}.json")
        paths[-1].write_text(json.dumps(bundle))
    for (name, _, code), line in zip(cases, verify(log / "trusted-root.json", *paths)):
        t.ok(line.startswith(code), f"Sigstore refuses: {name}", f"wanted {code}\ngot    {line}")


def openssl(directory, key, message, signature):
    for name, data in (("key", SPKI + key if len(key) == 32 else key), ("message", message), ("signature", signature)):
        (directory / name).write_bytes(data)
    status, _ = run("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", directory / "key", "-rawin",
                    "-in", directory / "message", "-sigfile", directory / "signature")
    return status == 0


def signature_line(note, name):
    line = next(line for line in note.splitlines() if line.startswith(f"\u2014 {name} "))
    return base64.b64decode(line.split(" ")[2])


def test_openssl(t, log, directory):
    root = json.loads((log / "trusted-root.json").read_text())
    bundle = json.loads((log / "bundle" / "10.json").read_text())
    envelope = bundle["dsseEnvelope"]
    hint = bundle["verificationMaterial"]["publicKey"]["hint"]
    der = base64.b64decode(root["keys"][hint])
    t.equal(hashlib.sha256(der).hexdigest(), hint, "a hint is the SHA-256 of the key")
    payload = base64.b64decode(envelope["payload"])
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    pae = f"DSSEv1 {len(TYPE)} {TYPE} {len(payload)} ".encode() + payload
    t.ok(openssl(directory, der, pae, signature), "OpenSSL accepts the signature of the statement")
    t.ok(not openssl(directory, der, pae[:-1] + b" ", signature), "and refuses it for another")
    note = (log / "checkpoint.cosigned").read_text()
    text = note[:note.rindex("\n\n") + 1]
    tlog = root["trustedRoot"]["tlogs"][0]
    blob = signature_line(note, "log.example.com/evidence")
    log_key = base64.b64decode(tlog["publicKey"]["rawBytes"])
    t.equal(blob[:4], base64.b64decode(tlog["logId"]["keyId"])[:4], "the checkpoint names the key of the log")
    t.ok(openssl(directory, log_key, text.encode(), blob[4:]), "OpenSSL accepts the signature of the checkpoint")
    name, key_id, data = (log / "witness.vkey").read_text().split("+", 2)
    key = base64.b64decode(data)
    blob = signature_line(note, name)
    t.equal((key[0], len(key)), (4, 33), "a witness has a key for cosignatures")
    t.equal(blob[:4].hex(), key_id, "which its signature names")
    t.equal(hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8], key_id, "as C2SP has it")
    seconds = int.from_bytes(blob[4:12], "big")
    t.ok(openssl(directory, key[1:], f"cosignature/v1\ntime {seconds}\n{text}".encode(), blob[12:]),
         "OpenSSL accepts the cosignature")
    t.ok(not openssl(directory, key[1:], f"cosignature/v1\ntime {seconds + 1}\n{text}".encode(), blob[12:]),
         "and refuses it at another time")


class Serve(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != "Bearer secret":
            self.send_error(401)
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


def test_go(t, logs, directory):
    checker = build_checker(directory)
    log, rewritten, following = logs["log"], logs["rewritten"], logs["next"]
    vkey = (log / "log.vkey").read_text()
    both = ("checkpoint.first", "checkpoint.cosigned")
    bundles = [a for path in sorted((log / "bundle").iterdir()) for a in ("-bundle", path)]
    t.equal(run(checker, "-proof", log / "consistency", *bundles, vkey, log, *both), (0, "ok"),
            "Go accepts checkpoints, tiles, entries, and finds the same proofs")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Serve, directory=log)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        t.equal(run(checker, vkey, address, *both, env={**os.environ, "CHECKTILES_TOKEN": "secret"}), (0, "ok"),
                "over HTTP as well")
        server.shutdown()

    def refused(name, base, *arguments, key=vkey):
        status, out = run(checker, *arguments[:-2], key, base, *arguments[-2:])
        t.ok(status == 1, f"Go refuses: {name}", out)

    refused("the checkpoint of a rewritten log", log, "checkpoint.first", rewritten / "checkpoint")
    refused("its tiles for the old checkpoint", rewritten, log / "checkpoint.first", "checkpoint")
    refused("the checkpoint of another key", following, *both)
    refused("a proof of consistency of another log", log, "-proof", rewritten / "consistency", *both)
    for path in sorted(p for p in (log / "tile").rglob("*") if p.is_file()):
        good = path.read_bytes()
        for at in sorted({0, len(good) // 2, len(good) - 1}):
            path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            refused(f"{path.relative_to(log)}, byte {at} changed", log, *both)
        path.write_bytes(good[:-1])
        refused(f"{path.relative_to(log)}, shorter", log, *both)
        path.write_bytes(good + b"\0")
        refused(f"{path.relative_to(log)}, longer", log, *both)
        path.write_bytes(good)
    t.equal(run(checker, vkey, log, *both), (0, "ok"), "what was put back is accepted")


def test(t):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="cordon-evidence-"))
    try:
        logs = {"log": make(directory / "log", FIRST, SIZE, 1), "next": make(directory / "next", FIRST, SIZE, 2),
                "rewritten": make(directory / "rewritten", FIRST, SIZE, 1, CHANGED)}
        if node_is_new_enough():
            test_sigstore(t, logs, directory)
        else:
            t.skip("Sigstore's verifier", "it needs Node.js 20.17")
        test_openssl(t, logs["log"], directory)
        test_go(t, logs, directory)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    tap.main(test)
