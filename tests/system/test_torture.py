#!/usr/bin/env python3
"""The server is killed at random moments under load, again and again; with MariaDB, the database is killed too, alone
or together with it. In between the store goes away for a while, and the server is restarted in peace.

Meanwhile clients send messages to users who are away and change rosters and private data, accounts come, change their
password and go (strain.py), and people with several devices talk to each other and in a group (talk.py). After each
blow the store opens clean, what was confirmed to whoever asked is there, and nothing is there that nobody asked for: no
message is missing from an archive, or in it twice, or out of order. In the end SIGTERM comes under the same load:
streams end with system-shutdown.

TORTURE_ROUNDS rounds (6), with the seed TORTURE_SEED (printed), which chooses what happens; when it happens hangs on
the machine, too.
timeout: 600
"""
import os
import random
import re
import sqlite3
import time

from bongsu import check, run
from bongsu.server import STORE
from strain import Locked, MariaDB, Registrar, Stopped, Writer, eventually, server
from talk import Company

ROUNDS = int(os.environ.get("TORTURE_ROUNDS", "6"))
SEED = int(os.environ.get("TORTURE_SEED", str(random.randrange(1 << 32))))
WRITERS = 2
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


def kinds_of(database):
    """What may happen: to the server, to the database, to both, while the database is away; and restarts in peace."""
    kinds = ["server", "away", "restart", "server while away"]
    return kinds[:1] + ["database", "both"] + kinds[1:] if database else kinds


def kind_of(number, database):
    """Each kind comes, then any."""
    kinds = kinds_of(database)
    return kinds[number] if number < len(kinds) else chance.choice(kinds)


def restart(bongsu):
    """In peace, as a service manager or as bongsuctl does it."""
    if chance.random() < 0.5:
        bongsu.restart()
    else:
        begin = bongsu.log_path.stat().st_size
        check("bongsuctl restart", bongsu.ctl("restart").code == 0)
        bongsu.begin = begin
        line = bongsu.wait_log(r" ready:(.*)\n")
        bongsu.ports = dict(zip(bongsu.listen, (int(port) for port in re.findall(r" port (\d+)", line[1]))))


def strike(kind, bongsu, database):
    """True: the server died."""
    if kind == "restart":
        restart(bongsu)
    elif kind in ("away", "server while away"):
        outage = Stopped(database) if database else Locked(bongsu.data)
        outage.begin()
        time.sleep(chance.uniform(0.3, 2))  # the outage itself
        if kind != "away":
            bongsu.kill()
        outage.end()
    else:
        if kind != "server":
            database.kill()
        if kind != "database":
            bongsu.kill()
        if kind != "server":
            database.start()
    return bongsu.process.poll() is not None


def one_round(number, bongsu, database, load):
    kind = kind_of(number, database)
    when = f"round {number} ({kind})"
    for part in load:
        part.start()
    until = time.monotonic() + chance.uniform(0.3, 1.5)
    while time.monotonic() < until:
        for part in load:
            if isinstance(part, Writer):
                part.count_kept()
    died = strike(kind, bongsu, database)
    if not died:
        time.sleep(0.2)  # some load more
    for part in load:
        part.stop()
    if chance.random() < 0.5:  # else the first to open the store is the server
        store_is_clean(when, database, bongsu.data)
    check(f"{when}: the server {'died' if died else 'goes on'}", died == (kind in ("server", "both", "server while away")))
    if died:
        bongsu.start()
    for part in load:
        if isinstance(part, Company):
            part.audit(when, not died)
        else:
            part.audit(when)


def shutdown(bongsu, database, load):
    """SIGTERM under load."""
    writers = [part for part in load if isinstance(part, Writer)]
    for part in load:
        part.start()
    eventually(lambda: all(len(w.sent) > 20 for w in writers))
    bongsu.stop()
    for part in load:
        part.stop()
    check("every stream ended with system-shutdown", all("<system-shutdown " in w.last for w in writers),
          [w.last[-300:] for w in writers])
    store_is_clean("after SIGTERM", database, bongsu.data)
    bongsu.start()
    for part in load:
        part.audit("after SIGTERM", *([True] if isinstance(part, Company) else []))


def torture():
    print(f"seed {SEED}, {ROUNDS} rounds", flush=True)
    database = MariaDB() if "mariadb" in STORE else None
    try:
        with server(database.start() if database else STORE) as bongsu:
            company, registrar = Company(bongsu, SEED), Registrar(bongsu)
            writers = [Writer(bongsu, n) for n in range(WRITERS)]
            load = [*writers, registrar, company]
            for writer in writers:
                writer.register()
            company.gather()
            for number in range(ROUNDS):
                one_round(number, bongsu, database, load)
            shutdown(bongsu, database, load)
            company.audit_whole("in the end")
            check("contacts were confirmed in between", all(w.confirmed for w in writers))
            check("accounts were confirmed in between", registrar.there and registrar.gone)
            print(f"NOTE seed {SEED}, {ROUNDS} rounds:", ", ".join(f"{n} {what}" for what, n in company.totals().items()),
                  flush=True)
            company.leave()
            bongsu.stop()
    finally:
        if database:
            database.end()


run(torture)
