"""Checks that are counted, and the closing line that tests/run reads."""
import sys
import time
import traceback

WAIT = 30  # seconds until something that was waited for counts as missing
counts = {"ok": 0, "FAIL": 0, "SKIP": 0}


def check(what, holds, detail=""):
    """Counts and prints one fact; returns whether it holds. The detail is shown if it does not."""
    kind = "ok" if holds else "FAIL"
    counts[kind] += 1
    print(f"{kind:4} {what}" + ("" if holds else f": {detail}"), flush=True)
    return bool(holds)


def skip(what, reason):
    """Something that cannot be tried here."""
    counts["SKIP"] += 1
    print(f"SKIP {what}: {reason}", flush=True)


def refused(what, attempt, *errors):
    """Checks that calling attempt raises one of the errors (OSError and EOFError if none is named)."""
    try:
        result = attempt()
    except errors or (OSError, EOFError):
        return check(what, True)
    return check(what, False, f"it gave {result}")


def wait_for(what, holds, seconds=WAIT):
    """Checks that holds() comes true in time: for what tells nobody when it happens, such as a file."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return check(what, True)
        time.sleep(0.02)
    return check(what, False, "not in time")


def run(*parts):
    """Runs the parts (functions without arguments) one after the other, prints the closing line and ends the program.

    An exception counts as a failure of its part and the next part follows.
    """
    for part in parts:
        try:
            part()
        except Exception:  # pylint: disable=broad-except  # whatever it is, the rest is still run
            traceback.print_exc(file=sys.stdout)
            check(f"{part.__name__} comes to its end", False, "see above")
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped", flush=True)
    sys.exit(1 if counts["FAIL"] else 0)
