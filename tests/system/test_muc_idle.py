#!/usr/bin/env python3
"""A hundred thousand rooms in which nobody is cost rows and nothing else: no time at the start, no memory."""
# timeout: 600
import os
import sqlite3
import time

from bongsu import Server, check, run, skip
from bongsu import muc
from bongsu.muc import codes, enter

COUNT = 100000
SERVICE = "conference.localhost"
server = Server()


def started():
    """Seconds until it is ready, and its memory in KB."""
    begin = time.monotonic()
    server.start()
    took = time.monotonic() - begin
    server.ctl("status")
    return took, server.memory()


def idle():
    server.start()
    server.register("alice")
    done = server.ctl("create_room", "room0", SERVICE, "localhost")
    check("one room is made", done.code == 0, done)
    server.ctl("set_room_affiliation", "room0", SERVICE, "alice", "localhost", "owner")
    server.stop()
    before = started()
    server.stop()
    database = next(p for p in server.data.glob("**/*") if p.suffix in (".db", ".sqlite", ".sqlite3"))
    with sqlite3.connect(database) as db:
        for table in ("muc_room", "muc_affiliation"):
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            rest = ", ".join(columns[1:])
            db.execute(f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {COUNT}) "
                       f"INSERT INTO {table} (owner, {rest}) SELECT 'room' || i || '@{SERVICE}', {rest} FROM {table}, n "
                       f"WHERE owner = 'room0@{SERVICE}'")
    db.close()
    after = started()
    check(f"a start with {COUNT} rooms takes less than two seconds", after[0] < 2, (before, after))
    grown = (after[1] - before[1]) * 1024 / COUNT
    check("each costs less than 200 bytes of memory", grown < 200, (before, after))
    print(f"     start {before[0]:.2f} s and {after[0]:.2f} s, memory {before[1]} KB and {after[1]} KB", flush=True)
    done = server.ctl("muc_online_rooms_count", SERVICE)
    check("they are there", done.out == f"{COUNT + 1}\n", done)
    alice = server.login("alice", "dev")
    entered = enter(alice, f"room{COUNT}@{SERVICE}", "Alice")
    check("each can be entered", 201 not in codes(entered.me) and muc.item(entered.me)["affiliation"] == "owner", entered)
    page = alice.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=SERVICE)
    check("they are listed in pages", page.raw.count("<item ") == 100 and "<last>" in page.raw, page)


if "mariadb" in os.environ.get("BONGSU_STORE", ""):
    skip("all of it", "the rooms are put into a SQLite database")
    run()
try:
    run(idle)
finally:
    server.kill()
