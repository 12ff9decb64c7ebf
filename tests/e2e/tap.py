"""TAP version 13 on standard output, one line per check, in the order in which they are made."""

import sys
import traceback


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0
        print("TAP version 13", flush=True)

    def ok(self, passed, name, why=""):
        """One check. `why` is shown when it failed: what was expected, and what came."""
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {_line(name)}", flush=True)
        if not passed and why:
            for line in str(why).splitlines():
                print(f"#   {line[:400]}", flush=True)
        return bool(passed)

    def equal(self, got, wanted, name):
        return self.ok(got == wanted, name, f"wanted {wanted!r}\ngot    {got!r}")

    def has(self, text, part, name):
        return self.ok(part in (text or ""), name, f"wanted {part!r} in\n{text!r}")

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {_line(name)} # SKIP {_line(why)}", flush=True)

    def finish(self):
        """The plan, and the exit status."""
        print(f"1..{self.count}", flush=True)
        if self.failed:
            print(f"# {self.failed} of {self.count} failed", flush=True)
        sys.exit(1 if self.failed or not self.count else 0)


def _line(text):
    return " ".join(str(text).split()).replace("#", "\\#")


def main(test):
    """Runs `test(tap)`. Something that goes wrong in the test itself is a failure too."""
    tap = Tap()
    try:
        test(tap)
    except Exception:
        tap.ok(False, "the test program itself", traceback.format_exc())
    tap.finish()
