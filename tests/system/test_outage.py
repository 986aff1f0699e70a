#!/usr/bin/env python3
"""The store goes away under load and comes back.

MariaDB is stopped (it is there but says nothing) and killed; SQLite's file is locked by another process. Once for 20
seconds, which requests may wait; once for longer than they may, so that they fail. Nothing that was confirmed is lost,
whoever is refused is told to try again later, the server goes on and heals by itself, and what needs no store does not
wait for it.
timeout: 400
"""
import threading
import time

from bongsu import Ended, Late, check, run
from bongsu.server import STORE
from strain import Killed, Locked, MariaDB, Registrar, Stopped, Writer, eventually, server

WRITERS = 3


class Login(threading.Thread):
    """Somebody who comes while the store is away."""

    def __init__(self, bongsu):
        super().__init__()
        self.bongsu, self.outcome = bongsu, "none"
        self.start()

    def run(self):
        try:
            self.bongsu.login("late").close()
            self.outcome = "late, but in"
        except (Ended, Late) as error:
            self.outcome = str(error)

    def check(self, when):
        self.join()
        check(f"{when}: a login waits or is refused for now", self.outcome == "late, but in" or
              "<temporary-auth-failure" in self.outcome or "type='wait'" in self.outcome, self.outcome)


def chat(when, alice, bob):
    """What need not be stored does not wait for the store."""
    begin = time.monotonic()
    alice.send(f"<message type='chat' to='{bob.jid}'><body>{when}</body><no-store xmlns='urn:xmpp:hints'/></message>")
    bob.wait(f"<body>{when}</body>")
    check(f"{when}: a message that is not stored arrives at once", time.monotonic() - begin < 5)


def say(when, alice, bob):
    alice.send(f"<message type='chat' to='{bob.jid}' id='{when}'><body>stored {when}</body></message>")


def said(when, alice, bob):
    """It arrived, or its sender knows that it did not."""
    alice.sync()
    errors = [e for e in alice.take() if e.get("id") == when and e.find("c:error") is not None]
    if errors:
        check(f"{when}: a message that is stored is refused for now", errors[0].find("c:error").get("type") == "wait", errors)
    else:
        check(f"{when}: a message that is stored arrives", bob.wait(f"<body>stored {when}</body>"))


def away(when, outage, seconds, bongsu, load, pair):
    """One outage under load; how many requests failed in it."""
    writers = load[:-1]
    for part in load:
        part.start()
    eventually(lambda: all(len(w.sent) > 20 and w.confirmed for w in writers))
    failed = sum(w.failed for w in writers)
    outage.begin()
    begin = time.monotonic()
    login = Login(bongsu)
    chat(f"{when}, away", *pair)
    say(when, *pair)
    time.sleep(max(0, begin + seconds - time.monotonic()))  # the outage itself
    check(f"{when}: the server goes on meanwhile", bongsu.process.poll() is None)
    failed = sum(w.failed for w in writers) - failed
    outage.end()
    login.check(when)
    marks = [len(w.confirmed) for w in writers]
    check(f"{when}: it heals by itself", eventually(lambda: all(len(w.confirmed) > n for w, n in zip(writers, marks))))
    for part in load:
        part.stop()
    check(f"{when}: every request was answered", all(w.settled for w in writers), [w.due for w in writers])
    for part in load:
        part.audit(when)
    said(when, *pair)
    chat(f"{when}, back", *pair)
    return failed


def outages(bongsu, kinds, seconds, patient):
    with bongsu:
        bongsu.register("alice", "bob", "late")
        pair = bongsu.login("alice"), bongsu.login("bob")
        load = [*(Writer(bongsu, n) for n in range(WRITERS)), Registrar(bongsu)]
        for writer in load[:-1]:
            writer.register()
        for kind, outage in kinds.items():
            failed = away(f"{kind} for {seconds} s", outage, seconds, bongsu, load, pair)
            check(f"{kind} for {seconds} s: requests {'wait' if patient else 'fail in time'}", (failed == 0) == patient, failed)
        check("the log told of each outage and each end, not of each try",
              bongsu.log().count(" the database is back after") >= len(kinds) and bongsu.log().count("\n") < 1500,
              bongsu.log()[-3000:])
        bongsu.stop()


def sqlite():
    for seconds, timeout in ((20, "30s"), (8, "3s")):
        bongsu = server(f"{{driver: sqlite, timeout: {timeout}}}", name=f"wait{timeout}")
        outages(bongsu, {"locked": Locked(bongsu.data)}, seconds, timeout == "30s")


def mariadb():
    database = MariaDB()
    try:
        store = database.start()
        for seconds, timeout in ((20, "30s"), (8, "3s")):
            database.sql("DROP DATABASE bongsu; CREATE DATABASE bongsu")
            outages(server(store.replace("{", f"{{timeout: {timeout}, "), name=f"wait{timeout}"),
                    {"stopped": Stopped(database), "killed": Killed(database)}, seconds, timeout == "30s")
    finally:
        database.end()


run(mariadb if "mariadb" in STORE else sqlite)
