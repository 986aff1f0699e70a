#!/usr/bin/env python3
"""The server is killed at random moments under load, again and again; with MariaDB, the database is killed too, alone
or together with it.

Meanwhile clients send messages to users who are away and change rosters and private data, and accounts come, change
their password and go. After each kill the store opens clean, what was confirmed to whoever asked is there, and nothing
is there that nobody asked for. In the end SIGTERM comes under the same load: streams end with system-shutdown.

TORTURE_ROUNDS rounds (4), with the seed TORTURE_SEED (printed).
"""
import os
import random
import sqlite3
import time

from bongsu import check, run
from bongsu.server import STORE
from strain import MariaDB, Registrar, Writer, eventually, server

ROUNDS = int(os.environ.get("TORTURE_ROUNDS", "4"))
SEED = int(os.environ.get("TORTURE_SEED", str(random.randrange(1 << 32))))
WRITERS = 3
chance = random.Random(SEED)


def store_is_clean(when, database, folder):
    if database:
        tables = database.sql("SHOW TABLES").split()
        said = database.sql(f"CHECK TABLE {', '.join(tables)}")
        check(f"{when}: MariaDB finds its {len(tables)} tables sound", tables and
              all(line.endswith("\tstatus\tOK") for line in said.splitlines()), said)
        return
    db = sqlite3.connect(folder / "bongsu.sqlite")
    said = db.execute("PRAGMA integrity_check").fetchall()
    db.close()
    check(f"{when}: SQLite finds its file sound", said == [("ok",)], said)


def victim_of(number, database):
    """Each kind comes, then any."""
    kinds = ["server", "database", "both"] if database else ["server"]
    return kinds[number] if number < len(kinds) else chance.choice(kinds)


def strike(victim, bongsu, database):
    if victim != "server":
        database.kill()
    if victim != "database":
        bongsu.kill()
    if victim != "server":
        database.start()


def one_round(number, bongsu, database, load):
    victim = victim_of(number, database)
    when = f"round {number} ({victim})"
    for part in load:
        part.start()
    until = time.monotonic() + chance.uniform(0.5, 1.5)
    while time.monotonic() < until:
        for writer in load[:-1]:
            writer.count_kept()
    strike(victim, bongsu, database)
    for part in load:
        part.stop()
    store_is_clean(when, database, bongsu.data)
    if victim == "database":
        check(f"{when}: the server goes on", bongsu.process.poll() is None)
    else:
        bongsu.start()
    for part in load:
        part.audit(when)


def shutdown(bongsu, load):
    """SIGTERM under load."""
    writers = load[:-1]
    for part in load:
        part.start()
    eventually(lambda: all(len(w.sent) > 20 for w in writers))
    bongsu.stop()
    for part in load:
        part.stop()
    check("every stream ended with system-shutdown", all("<system-shutdown " in w.last for w in writers),
          [w.last[-300:] for w in writers])
    bongsu.start()
    for part in load:
        part.audit("after SIGTERM")


def torture():
    print(f"seed {SEED}, {ROUNDS} rounds")
    database = MariaDB() if "mariadb" in STORE else None
    try:
        with server(database.start() if database else STORE) as bongsu:
            load = [*(Writer(bongsu, n) for n in range(WRITERS)), Registrar(bongsu)]
            for writer in load[:-1]:
                writer.register()
            for number in range(ROUNDS):
                one_round(number, bongsu, database, load)
            shutdown(bongsu, load)
            check("contacts were confirmed in between", all(len(w.confirmed) > ROUNDS for w in load[:-1]))
            check("accounts were confirmed in between", len(load[-1].there) > ROUNDS and load[-1].gone)
            bongsu.stop()
    finally:
        if database:
            database.end()


run(torture)
