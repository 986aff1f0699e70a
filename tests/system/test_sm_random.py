#!/usr/bin/env python3
"""Phones that lose their connections at any moment and resume (XEP-0198), and a server that is restarted in between.

Each user writes to random others; some have two devices, which both get all. A connection is cut with data under way in
both directions, what the server did not acknowledge is sent again, and what the client did not acknowledge comes again.
At the end every device has every message once, those of each sender in order. The seed is printed; SEED repeats a run.
timeout: 600
"""
import os
import random
import re
import time

from bongsu import Late, Server, check, run
from bongsu.sm import SM, enable, received, resume

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 30)))
STEPS = 1500
rng = random.Random(SEED)
server = Server(c2s={"resume_timeout": "10m"})


class Phone:
    """One device of a user: its session, over any number of connections."""

    def __init__(self, user, device):
        self.user = user
        self.client = enable(server.login(user, device))
        self.up = True
        self.unacked = []  # what it sent, in order
        self.acked = 0  # of all that it sent
        self.got = []  # (sender, number)
        self.resumptions = 0
        self.send("<presence/>")
        self.sync()

    def send(self, text):
        self.unacked.append(text)
        if not self.up:
            return
        try:
            self.client.send(text)
        except OSError:
            self.cut()

    def on_acked(self, h):
        n = (h - self.acked) % (1 << 32)
        assert n <= len(self.unacked), (h, self.acked, len(self.unacked))
        del self.unacked[:n]
        self.acked = h

    def take(self):
        """What was read."""
        for element in self.client.take():
            if element.ns == SM and element.name == "a":
                self.on_acked(int(element.get("h")))
            elif element.ns == SM and element.name == "r" and rng.random() < 0.8:
                self.quietly(f"<a xmlns='{SM}' h='{received(self.client)}'/>")
            elif element.name == "message":
                body = element.text("c:body")
                if body and body.startswith("n"):
                    self.got.append((element.get("from").partition("@")[0], int(body[1:])))

    def quietly(self, text):
        try:
            self.client.send(text)
        except OSError:
            self.up = False

    def read(self):
        """All that is there; not always."""
        try:
            while self.up and self.client.read(time.monotonic()):
                pass
            self.cut()
        except Late:
            pass
        self.take()

    def cut(self):
        if self.up:
            self.up = False
            self.client.close()

    def back(self):
        self.take()
        self.cut()
        self.client = resume(server, self.client)
        assert self.client.resumed.name == "resumed", self.client.resumed
        self.up = True
        self.resumptions += 1
        self.on_acked(int(self.client.resumed.get("h")))
        for text in self.unacked:
            self.quietly(text)

    def sync(self):
        """Everything it sent is acknowledged."""
        until = time.monotonic() + 60
        while self.unacked and time.monotonic() < until:
            self.quietly(f"<r xmlns='{SM}'/>")
            element = self.client.wait(lambda e: e.ns == SM and e.name == "a")
            self.on_acked(int(element.get("h")))
        assert not self.unacked, self.unacked


def restart():
    begin = server.log_path.stat().st_size
    assert server.ctl("restart").code == 0
    server.begin = begin
    line = server.wait_log(r" ready:(.*)\n")
    server.ports = dict(zip(server.listen, (int(port) for port in re.findall(r" port (\d+)", line[1]))))


def play():
    print(f"seed {SEED}", flush=True)
    server.start()
    users = [f"u{n}" for n in range(7)]
    server.register(*users)
    phones = [Phone(user, "phone") for user in users] + [Phone(user, "tablet") for user in users[:2]]
    counts = {user: 0 for user in users}
    sent = {user: [] for user in users}  # by recipient: (sender, number)
    restarts = 0
    for step in range(STEPS):
        phone = rng.choice(phones)
        what = rng.random()
        if what < 0.55:
            for _ in range(rng.randrange(1, 6)):
                to = rng.choice(users)
                if phones.index(phone) < len(users) and to != phone.user:  # one device of a user writes: its order is known
                    sent[to].append((phone.user, counts[phone.user]))
                    phone.send(f"<message to='{to}@localhost' type='chat'><body>n{counts[phone.user]}</body></message>")
                    counts[phone.user] += 1
        elif what < 0.75:
            phone.read() if phone.up else None
        elif what < 0.87:
            phone.cut()
        elif not phone.up or rng.random() < 0.3:
            phone.back()
        if step in (STEPS // 3, 2 * STEPS // 3):
            restart()
            restarts += 1
            for each in phones:
                each.cut()
    for phone in phones:
        phone.back()
    for phone in phones:
        phone.sync()
    for phone in phones:
        phone.client.sync()
        phone.take()
    print(f"     {sum(counts.values())} messages, {sum(p.resumptions for p in phones)} resumptions, {restarts} restarts",
          flush=True)
    for phone in phones:
        name = phone.client.jid
        wanted, got = sorted(sent[phone.user]), sorted(phone.got)
        check(f"{name} has every message once", got == wanted,
              f"missing {sorted(set(wanted) - set(got))[:20]}, doubled {sorted({m for m in got if got.count(m) > 1})[:20]}")
        check(f"{name} has them in the order in which they were sent",
              all([n for s, n in phone.got if s == user] == sorted(n for s, n in phone.got if s == user) for user in users))
    for phone in phones:
        phone.client.ends()
    server.stop()


run(play)
