#!/usr/bin/env python3
"""The server is killed at random moments while rosters and accounts change, again and again: what was confirmed to
whoever asked is there after each restart, the store opens clean, and nothing is there that nobody asked for.

TORTURE_ROUNDS rounds (5), with the seed TORTURE_SEED (printed).
"""
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

BONGSUD = os.environ["BONGSUD"]
BONGSUCTL = os.environ["BONGSUCTL"]
STORE = os.environ.get("BONGSU_STORE", "{driver: sqlite}")
ROUNDS = int(os.environ.get("TORTURE_ROUNDS", "5"))
SEED = int(os.environ.get("TORTURE_SEED", str(random.randrange(1 << 32))))
WAIT = 30
WRITERS = 3
counts = {"ok": 0, "FAIL": 0}


def check(what, holds, detail=""):
    kind = "ok" if holds else "FAIL"
    counts[kind] += 1
    print(f"{kind:4} {what}" + ("" if holds else f": {detail}"), flush=True)


def ctl(*arguments):
    done = subprocess.run([BONGSUCTL, "--config", "torture.yml", *arguments], capture_output=True, text=True,
                          timeout=WAIT, check=False)
    return done.returncode, done.stdout


def start():
    log = open("torture.log", "ab")
    server = subprocess.Popen([BONGSUD, "--config", "torture.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log.close()
    end = time.monotonic() + WAIT
    while time.monotonic() < end and server.poll() is None:
        if ctl("status")[0] == 0:
            return server
        time.sleep(0.02)
    return None


def write(number, round_number, stop, asked, confirmed):
    """One writer: an account of its own gets contacts, one after the other, until the server is gone."""
    user = f"user{number}"
    for i in range(1_000_000):
        if stop.is_set():
            return
        contact = f"c{round_number}-{i}"
        asked.add((user, contact))
        code, _ = ctl("add_rosteritem", user, "localhost", contact, "example.org", contact, "friends", "both")
        if code != 0:
            return
        confirmed.add((user, contact))


def roster(user):
    code, out = ctl("get_roster", user, "localhost")
    return {line.split("\t")[0].split("@")[0] for line in out.splitlines()} if code == 0 else None


def main():
    print(f"seed {SEED}, {ROUNDS} rounds")
    chance = random.Random(SEED)
    Path("torture.yml").write_text(f"hosts: [localhost]\ndata_dir: data\nstore: {STORE}\nlisten: []\n", encoding="utf-8")
    Path("data").mkdir(exist_ok=True)
    asked, confirmed = set(), set()
    server = start()
    check("the server starts", server)
    if not server:
        return
    for n in range(WRITERS):
        check(f"account user{n} is made", ctl("register", f"user{n}", "localhost", "secret")[0] == 0)
    for round_number in range(ROUNDS):
        stop = threading.Event()
        writers = [threading.Thread(target=write, args=(n, round_number, stop, asked, confirmed))
                   for n in range(WRITERS)]
        for w in writers:
            w.start()
        time.sleep(chance.uniform(0.2, 1.0))
        server.kill()
        server.wait()
        stop.set()
        for w in writers:
            w.join()
        server = start()
        check(f"round {round_number}: the server starts again", server)
        if not server:
            return
        for n in range(WRITERS):
            there = roster(f"user{n}")
            wanted = {c for u, c in confirmed if u == f"user{n}"}
            possible = {c for u, c in asked if u == f"user{n}"}
            check(f"round {round_number}: user{n} has what was confirmed, {len(wanted)} contacts",
                  there is not None and wanted <= there, sorted(wanted - (there or set()))[:5])
            check(f"round {round_number}: user{n} has nothing else", there is not None and there <= possible,
                  sorted((there or set()) - possible)[:5])
    check("contacts were confirmed", len(confirmed) > ROUNDS, len(confirmed))
    server.terminate()
    check("the server stops", server.wait(WAIT) == 0)


try:
    main()
finally:
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, 0 skipped")
sys.exit(counts["FAIL"] > 0)
