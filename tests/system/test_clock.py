#!/usr/bin/env python3
"""Ids of an archive grow whatever the clock does: it is set back while the server runs, and between two runs.

The clock is the server's alone: a library that is loaded before libc adds what a file says to its wall clock.
timeout: 180
"""
import os
import subprocess
from pathlib import Path

from bongsu import Server, check, run, skip

RESULT = "{urn:xmpp:mam:2}result"
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	long shift = 0;
	FILE *f;
	int rc;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	rc = real(clock, t);
	if (clock != CLOCK_REALTIME || !getenv("CLOCK_SHIFT"))
		return rc;
	f = fopen(getenv("CLOCK_SHIFT"), "r");
	if (f) {
		if (fscanf(f, "%ld", &shift) == 1)
			t->tv_sec += shift;
		fclose(f);
	}
	return rc;
}
"""
SHIFT = Path("shift").absolute()
LIBRARY = Path("shift.so").absolute()


def history(client):
    client.ask("set", "<query xmlns='urn:xmpp:mam:2'/>")
    results = [e.find(RESULT) for e in client.take() if e.find(RESULT) is not None]
    return [(r.findtext(".//{jabber:client}body"), r.get("id"), r.find(".//{urn:xmpp:delay}delay").get("stamp")) for r in results]


def say(alice, bob, body):
    alice.send(f"<message to='bob@localhost' type='chat' id='{body}'><body>{body}</body></message>")
    bob.wait(f"id='{body}'")


def main():
    environment = {"LD_PRELOAD": str(LIBRARY), "CLOCK_SHIFT": str(SHIFT),
                   "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    server = Server()

    def login():
        alice, bob = server.login("alice"), server.login("bob")
        bob.available()
        return alice, bob

    SHIFT.write_text("0", encoding="ascii")
    server.start(environment)
    server.register("alice", "bob")
    alice, bob = login()
    say(alice, bob, "1")
    SHIFT.write_text("-7200", encoding="ascii")
    say(alice, bob, "2")
    server.kill()
    SHIFT.write_text("-86400", encoding="ascii")
    server.start(environment)
    line = server.log().splitlines()[0]
    alice, bob = login()
    say(alice, bob, "3")
    SHIFT.write_text("3600", encoding="ascii")
    say(alice, bob, "4")
    SHIFT.write_text("0", encoding="ascii")
    say(alice, bob, "5")
    for who, client in (("sender", alice), ("recipient", bob)):
        rows = history(client)
        check(f"the {who} has all in order", [body for body, _, _ in rows] == ["1", "2", "3", "4", "5"], rows)
        check("times do not go back", [stamp for _, _, stamp in rows] == sorted(stamp for _, _, stamp in rows), rows)
        check("the clock did", line < rows[0][2], (line, rows[0][2]))
        last = rows[2][1]
        client.ask("set", "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><after>" + last +
                   "</after></set></query>")
        later = [e.find(RESULT).findtext(".//{jabber:client}body") for e in client.take() if e.find(RESULT) is not None]
        check("who asks for what is after an id misses nothing", later == ["4", "5"], later)
    server.stop()


def clock():
    try:
        Path("shift.c").write_text(SOURCE, encoding="ascii")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(LIBRARY), "shift.c", "-ldl"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as why:
        skip("the clock", f"no compiler: {why}")
        return
    main()


run(clock)
