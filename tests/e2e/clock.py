"""A daemon whose control has a clock that the test winds: tests/clock/wound.c."""

import contextlib
import datetime
import os
import pathlib
import shutil
import tempfile
import time

import cordon
from daemon import Daemon

PROGRAMS = ("cordon", "cordon-supervisor", "cordon-node", "cordon-zygote", "cordon-ledger", "prelude.js")


def noon_zone():
    """A time zone in which it is about noon, so that no midnight comes into a test of today."""
    ahead = 12 - time.gmtime().tm_hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "UTC"


class WoundDaemon(Daemon):
    """The programs are found beside each other; control is the wound one."""

    def __init__(self, **how):
        built = cordon.binary().parent
        # On the same file system, so that links will do.
        self.programs = tempfile.mkdtemp(prefix="wound-", dir=built)
        os.chmod(self.programs, 0o755)
        for name in PROGRAMS:
            self.place(built / name, name)
        self.place(built / "tests" / "control-wound", "cordon-control")
        super().__init__(program=pathlib.Path(self.programs) / "cordon", **how)
        self.clock = os.path.join(self.data, "state", "clock")
        self.offset_ms = 0

    def start(self):
        try:
            super().start()
            if not os.path.exists(self.clock):  # the directory is ours only now; control opens it at its start
                self.write("0")
                os.chmod(self.clock, 0o644)
                self.stop()
                super().start()
        except Exception:
            self.close()
            raise
        return self

    def place(self, source, name):
        os.link(source, os.path.join(self.programs, name))

    def write(self, text):
        # In one write, of one length: control reads at any moment.
        with open(self.clock, "r+" if os.path.exists(self.clock) else "w") as f:
            f.write(f"{text:<24}\n")

    def wind(self, when):
        """To a moment: `when` is a datetime with a time zone."""
        self.offset_ms = int(when.timestamp() * 1000) - int(time.time() * 1000)
        self.write(str(self.offset_ms))

    def now(self):
        return datetime.datetime.fromtimestamp(time.time() + self.offset_ms / 1000, datetime.timezone.utc)

    def close(self):
        super().close()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.programs)
