#!/usr/bin/env python3
"""What a server does again and again costs no memory: sessions that come and go, messages, pages of history.

Each activity is done for a while until memory has settled, and then for longer; what it takes meanwhile must be less than
LEAK bytes each time. With a sanitizer, which keeps what was freed and looks for leaks itself, all is done less often.
"""
import os
import secrets

from bongsu import Server, check, run
from bongsu.server import STORE
from bongsu.sm import ack, enable, resume

LEAK = 300  # bytes
SLACK = 300  # KB, for pages that the allocator happens to touch
LESS = 20 if os.environ.get("BONGSU_SANITIZER") else 1
server = Server(c2s={"stanzas_per_second": 0, "bytes_per_second": 0})


def steady(what, act, settling, count):
    """act(n) does it n times."""
    act(max(1, settling // LESS))
    before = server.memory()
    act(max(1, count // LESS))
    grown = server.memory() - before
    check(f"{what}, {max(1, count // LESS)} times, cost no memory", grown < SLACK + count * LEAK / 1024, f"{grown} KB")


def logins():
    def act(count):
        for i in range(count):
            client = server.login("alice", f"r{i % 3}")
            client.available()
            if i % 2:
                client.ends()
            client.close()
    steady("logins", act, 100, 600)


def refusals():
    """Connections that get nowhere."""
    def act(count):
        for i in range(count):
            client = server.client()
            client.auth("PLAIN" if i % 2 else "SCRAM-SHA-1", b"nonsense")
            client.send("<!DOCTYPE no>" if i % 3 else "<message/>")
            client.ended()
            client.close()
    steady("refused clients", act, 100, 600)


def say(client, to, other, count, inside):
    """Messages in batches; the other acknowledges them."""
    for i in range(0, count, 100):
        batch = min(100, count - i)
        client.send("".join(f"<message to='{to}' type='chat'>{inside}</message>" for _ in range(batch)))
        for _ in range(batch):
            other.wait(lambda e: e.name == "message")
        other.got = b""
        ack(other)


def messages():
    alice, bob = enable(server.login("alice")), enable(server.login("bob"))
    bob.available()
    passing = "<body>Hello</body><no-store xmlns='urn:xmpp:hints'/>"
    steady("messages", lambda count: say(alice, bob.jid, bob, count, passing), 2000, 6000)
    if "sqlite" in STORE:  # whose cache is full then
        say(alice, bob.jid, bob, 3000 // LESS, f"<body>{secrets.token_hex(2000)}</body>")
    steady("archived messages", lambda count: say(alice, bob.jid, bob, count, "<body>Hello</body>"), 1000, 3000)

    def pages(count):
        for _ in range(count):
            bob.ask("set", "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>20</max></set></query>")
            ack(bob).came.clear()
            bob.got = b""
    steady("pages of history", pages, 200, 500)
    alice.ends()
    bob.ends()


def strangers():
    """Names that nobody has, never the same."""
    alice = server.login("alice")

    def act(count):
        for i in range(count):
            strangers.number += 1
            alice.send(f"<message to='n{strangers.number}@localhost' type='chat'><body>x</body></message>"
                       f"<presence to='n{strangers.number}@localhost' type='probe'/>"
                       f"<iq type='get' id='i' to='n{strangers.number}@localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
            if i % 50 == 49:
                alice.sync().came.clear()
        alice.sync()
        alice.came.clear()
    steady("stanzas to nobody", act, 1500, 3000)
    alice.ends()


strangers.number = 0


def resumptions():
    carol = enable(server.login("carol"))
    state = {"carol": carol}

    def act(count):
        for _ in range(count):
            old = state["carol"]
            old.close()
            state["carol"] = resume(server, old)
            state["carol"].sync()
            state["carol"].came.clear()
    steady("resumptions", act, 100, 300)
    state["carol"].ends()


def main():
    server.start()
    server.register("alice", "bob", "carol")
    run(logins, refusals, messages, strangers, resumptions, server.stop)


main()
