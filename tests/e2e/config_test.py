#!/usr/bin/env python3
"""cordon.yaml, TLS, and the limits that it sets."""

import http.client
import os
import signal
import ssl
import subprocess
import tempfile
import time
import warnings

import cordon
import tap
from daemon import Daemon

WRONG = [
    ("an unknown setting", "pool:\n  flor: 4\n", "2:3: pool.flor: is no setting; `cordon config` prints them all"),
    ("an unknown group", "pol: {floor: 4}\n", "1:1: pol: is no setting"),
    ("a value of the wrong kind", "listen: [a]\n", "is a list; a string or a number is needed"),
    ("a number out of range", "pool: {floor: 10001}\n", "from 0 to 10000 is needed"),
    ("a number that is none", "pool: {floor: many}\n", "from 0 to 10000 is needed"),
    ("a word that is none of the choices", "jail: {require: maybe}\n", "full or available is needed"),
    ("a setting twice", "listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n", "2:1"),
    ("YAML that is none", "listen: [\n", "not valid YAML"),
    ("an anchor", "listen: &a 127.0.0.1:1\n", "anchor"),
    ("settings that are a list", "- listen\n", "settings are needed"),
]


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def mistakes(t, directory):
    for name, text, says in WRONG:
        path = write(directory, "wrong.yaml", text)
        r = cordon.command(["up", "--data", os.path.join(directory, "none"), "--config", path])
        t.equal(r.status, 2, f"{name}: refused")
        t.has(r.err, says, f"{name}: says where and why")
        t.has(r.err, path, f"{name}: names the file")
    t.ok(not os.path.exists(os.path.join(directory, "none")), "nothing was made")
    for options, says in ((["--config", "/nowhere.yaml"], "/nowhere.yaml"), (["--tls-key", "/dev/null"], "belong together"),
                          (["--tls-key", "/dev/null", "--tls-certificate", "/dev/null"], "PEM")):
        r = cordon.command(["up", "--data", os.path.join(directory, "some"), "--listen", "127.0.0.1:0", *options])
        t.ok(r.status in (2, 5), f"{' '.join(options)}: refused", r)
        t.has(r.err, says, f"{' '.join(options)}: says why")


def printed(t, directory):
    """What `cordon config` prints is a file that `cordon up` takes, and what docs/configuration.md shows."""
    text = cordon.command(["config"]).out
    path = write(directory, "all.yaml", text)
    with Daemon(options=("--config", path)) as d:
        t.equal(d.run("() => 1", d.key())["value"], 1, "the file with every default serves")
    with open(cordon.ROOT / "docs/configuration.md") as f:
        t.ok(text.strip() in f.read(), "docs/configuration.md shows what `cordon config` prints")


def limits(t, directory):
    path = write(directory, "limits.yaml", "rate: {key: 1}\nstop: {deadline: 1}\npool: {floor: 1}\nconcurrency: {min: 1, max: 1}\nfloor: {interactive: 1, bulk: 0}\n")
    with Daemon(options=("--config", path)) as d:
        key, other = d.key(), d.key()
        got = [d.ask("GET", "/v1/runs", key=key) for _ in range(30)]
        codes = {r.code for r in got if r.status == 429}
        t.equal([r.status for r in got[:2]], [200, 200], "a key has its rate, and a burst of twice as much")
        t.equal(codes, {"rate.key"}, "beyond it is refused")
        t.ok(all(r.headers["Retry-After"] for r in got if r.status == 429), "with when to come again")
        t.equal(d.ask("GET", "/v1/runs", key=other).status, 200, "another key has its own")
        t.equal(d.ask("GET", "/v1/runs").status, 200, "the administrator has none")
        d.ask("POST", "/v1/runs", {"code": "async () => { await new Promise(() => {}) }"},
              headers={"Prefer": "respond-async"})
        t.equal(d.stop(), 0, "runs that do not end do not keep it from stopping")
        d.start()
        r = d.ask("GET", "/v1/runs?reason=shutdown")
        t.equal(len(r["runs"]), 1, "and end as the deadline says")
    path = write(directory, "address.yaml", "rate: {address: 1}\n")
    with Daemon(options=("--config", path)) as d:
        got = [d.ask("GET", "/healthz", local=False).status for _ in range(30)]
        t.ok(got[:2] == [200, 200] and 429 in got, "an address has its rate, with or without a key", got)
    with Daemon(options=("--config", path, "--rate-address", "0")) as d:
        got = [d.ask("GET", "/healthz", local=False).status for _ in range(30)]
        t.equal(got.count(429), 0, "the command line counts more than the file")


def tls(t, directory):
    certificate, key = os.path.join(directory, "tls.pem"), os.path.join(directory, "tls.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = write(directory, "tls.yaml", f"tls:\n  certificate: {certificate}\n  key: {key}\n")
    with Daemon(options=("--config", path)) as d:
        t.ok(d.url.startswith("https://"), "with a certificate it serves HTTPS", d.url)
        runner = d.key()
        context = ssl.create_default_context(cafile=certificate)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.minimum_version = context.maximum_version = version
            c = http.client.HTTPSConnection("127.0.0.1", d.port, context=context, timeout=30)
            r = d.ask("POST", "/v1/runs", {"code": "() => 'safe'"}, key=runner, connection=c)
            t.equal(r["value"], "safe", f"a run over {version.name}")
            c.close()
        try:
            warnings.simplefilter("ignore")  # that these versions are old is the point
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
            c = http.client.HTTPSConnection("127.0.0.1", d.port, context=old, timeout=30)
            c.request("GET", "/healthz")
            spoken = c.getresponse().status
        except (ssl.SSLError, OSError, ValueError) as e:
            spoken = type(e).__name__
        t.ok(not isinstance(spoken, int), "nothing older is spoken", spoken)
        try:
            r = d.ask("GET", "/healthz", local=False)
            plain = r.status
        except (http.client.HTTPException, OSError) as e:
            plain = type(e).__name__
        t.ok(plain != 200, "nor HTTP without TLS", plain)
        os.kill(d.children("control")[0], signal.SIGKILL)
        while not (c := d.children("control")):
            pass
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for _ in range(100):
            try:
                c = http.client.HTTPSConnection("127.0.0.1", d.port, context=context, timeout=30)
                r = d.ask("GET", "/healthz", key=runner, connection=c)
                break
            except OSError:
                continue
        t.equal(r.status, 200, "a control that was started again has the certificate too")


def kept(t):
    with Daemon(options=["--keep-days", "36500"]) as d:
        run = d.run("() => 1")["run"]
        time.sleep(1.5)  # it has looked for what is old by then
        t.equal(d.ask("GET", f"/v1/runs/{run}").status, 200, "runs are kept for longer than there are dates")


def test(t):
    cordon.adopt()
    with tempfile.TemporaryDirectory(prefix="cordon-e2e-") as directory:
        os.chmod(directory, 0o755)
        mistakes(t, directory)
        printed(t, directory)
        limits(t, directory)
        tls(t, directory)
    kept(t)
    t.equal(cordon.left_behind(), [], "no process stays")


if __name__ == "__main__":
    tap.main(test)
