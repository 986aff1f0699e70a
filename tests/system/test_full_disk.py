#!/usr/bin/env python3
"""The disk of the store fills up under load, and has room again later.

The store's folder is a small file system of its own (in a mount namespace that this program makes for itself), which
somebody else fills. Nothing that was confirmed is lost, whoever is refused is told to try again later, the server goes
on and heals by itself, and the store is sound afterwards. MariaDB may give up meanwhile; then its supervisor, this
program, starts it anew.
timeout: 400
"""
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from bongsu import check, run, skip
from bongsu.server import STORE
from strain import PATIENCE, MariaDB, Writer, eventually, server

WRITERS = 3
FULL = 5  # seconds


def in_namespace():
    """Becomes this program in a mount namespace of its own; False if that is not allowed."""
    if os.environ.get("IN_NAMESPACE"):
        return True
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return False
    os.execvpe(unshare[0], [*unshare, sys.executable, *sys.argv], os.environ | {"IN_NAMESPACE": "yes"})


def small_disk(folder, size):
    Path(folder).mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "small", folder], check=True)


def fill(folder):
    """Takes all that is left."""
    ballast = Path(folder) / "ballast"
    with open(ballast, "ab", buffering=0) as file:
        for piece in (65536, 4096):
            try:
                while True:
                    file.write(b"x" * piece)
            except OSError:
                pass
    return ballast


def full(bongsu, folder, revive):
    writers = [Writer(bongsu, n, padding=2000) for n in range(WRITERS)]
    for writer in writers:
        writer.register()
        writer.start()
    eventually(lambda: all(len(w.sent) > 20 and w.confirmed for w in writers))
    ballast = fill(folder)
    failed = eventually(lambda: any(w.refused for w in writers) and any(w.failed for w in writers))
    check("messages and changes are refused when the disk is full", failed, [(len(w.refused), w.failed) for w in writers])
    time.sleep(FULL)  # it stays full
    check("the server goes on meanwhile", bongsu.process.poll() is None)
    ballast.unlink()
    marks = [len(w.confirmed) for w in writers]

    def heals():
        revive()
        return all(len(w.confirmed) > n + 5 for w, n in zip(writers, marks))
    # MariaDB may sleep for a minute before it looks at the disk again.
    check("it heals by itself when there is room", eventually(heals, 3 * PATIENCE), bongsu.log()[-3000:])
    for writer in writers:
        writer.stop()
    check("every request was answered", all(w.settled for w in writers), [w.due for w in writers])
    for writer in writers:
        writer.audit("after a full disk")
    check("the log told of it", bongsu.log().count(" the database is away: ") >= 1 and
          bongsu.log().count(" the database is back after ") >= 1 and bongsu.log().count("\n") < 1500, bongsu.log()[-3000:])


def sqlite():
    small_disk("small", "64M")  # more than the log takes before it is copied into the file
    with server("{driver: sqlite, timeout: 2s}", data_dir="small/data") as bongsu:
        full(bongsu, "small", lambda: None)
        bongsu.stop()
    db = sqlite3.connect("small/data/bongsu.sqlite")
    said = db.execute("PRAGMA integrity_check").fetchall()
    db.close()
    check("SQLite finds its file sound", said == [("ok",)], said)


def mariadb():
    small_disk("db", "220M")
    database = MariaDB()
    try:
        options = "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=24M"
        store = database.start(*options)
        with server(store.replace("{", "{timeout: 2s, ")) as bongsu:
            full(bongsu, "db", lambda: database.process.poll() is None or database.start(*options))
            bongsu.stop()
        said = database.sql(f"CHECK TABLE {', '.join(database.sql('SHOW TABLES').split())}")
        check("MariaDB finds its tables sound", all(line.endswith("\tstatus\tOK") for line in said.splitlines()), said)
    finally:
        database.end()


if in_namespace():
    run(mariadb if "mariadb" in STORE else sqlite)
else:
    run(lambda: skip("a full disk", "this process may not mount file systems"))
