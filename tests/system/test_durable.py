#!/usr/bin/env python3
"""Commits are as safe as the database's settings make them: weak ones are told of in the log when the server starts."""
import sqlite3

from bongsu import check, run
from bongsu.server import STORE
from strain import MariaDB, server

WARNING = "what is acknowledged may be lost when the machine fails: "


def warning(store):
    """What a server with that store says when it starts, or None."""
    with server(store) as bongsu:
        found = [line.partition(WARNING)[2] for line in bongsu.log().splitlines() if WARNING in line]
        bongsu.stop()
    return found[0] if found else None


def sqlite():
    check("SQLite is synchronised in full", warning(STORE) is None)
    db = sqlite3.connect("bongsu-data/bongsu.sqlite")
    check("and has a write-ahead log", db.execute("PRAGMA journal_mode").fetchone() == ("wal",))
    db.close()


def mariadb():
    database = MariaDB()
    flush, binlog = "--innodb-flush-log-at-trx-commit", ("--log-bin", "--server-id=1")
    settings = {(): None, (f"{flush}=1",): None, (f"{flush}=0",): "innodb_flush_log_at_trx_commit is 0, not 1",
                (f"{flush}=2",): "innodb_flush_log_at_trx_commit is 2, not 1",
                (*binlog, "--sync-binlog=0"): "sync_binlog is 0, not 1", (*binlog, "--sync-binlog=1"): None}
    for options, wanted in settings.items():
        store = database.start(*options)
        got = warning(store)
        database.end()
        check(f"MariaDB with {' '.join(options) or 'its defaults'}: {wanted or 'no warning'}",
              got is None if wanted is None else got is not None and wanted in got, got)


run(mariadb if "mariadb" in STORE else sqlite)
