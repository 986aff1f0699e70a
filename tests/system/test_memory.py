#!/usr/bin/env python3
"""What a server does again and again costs no memory: sessions, rooms and accounts that come and go, messages, pages of history.

Each activity is done for a while until memory has settled, and then for longer; what it takes meanwhile must be less than
LEAK bytes each time. With a sanitizer, which keeps what was freed and looks for leaks itself, all is done less often.
"""
import os
import secrets

from bongsu import Server, check, run
from bongsu.bosh import BoshClient
from bongsu.muc import enter, instant
from bongsu.pep import OWNER as PUBSUB_OWNER, publish, pubsub, retract
from bongsu.server import STORE
from bongsu.sm import ack, enable, resume
from bongsu.websocket import WebSocket

LEAK = 300  # bytes
SLACK = 300  # KB, for pages that the allocator happens to touch
LESS = 20 if os.environ.get("BONGSU_SANITIZER") else 1
server = Server(listen={"plain": {"service": "c2s", "starttls": "off"}, "http": {"service": "http"}},
                c2s={"stanzas_per_second": 0, "bytes_per_second": 0})


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


def web_logins():
    def act(count):
        for i in range(count):
            client = (BoshClient if i % 2 else WebSocket)(server.ports["http"])
            client.open()
            client.login("alice", resource=f"r{i % 3}")
            client.available()
            client.ends()
            client.close()
    steady("logins over BOSH and WebSocket", act, 40, 200)


def accounts():
    """Of a few names, since the server remembers a minute long who was there."""
    def act(count):
        for i in range(count):
            name = f"guest{i % 5}"
            server.register(name)
            guest = server.login(name)
            guest.available()
            guest.send("<message to='bob@localhost' type='chat'><body>Hello</body></message>")
            guest.ask("set", "<query xmlns='jabber:iq:roster'><item jid='bob@localhost'/></query>")
            guest.ask("set", "<vCard xmlns='vcard-temp'><FN>Guest</FN></vCard>")
            publish(guest, "urn:example:n", "<a xmlns='urn:example'/>", "1")
            guest.close()
            server.ctl("unregister", name, "localhost")
    steady("accounts", act, 20, 120)


def rooms():
    alice, bob = server.login("alice"), server.login("bob")

    def act(count):
        for i in range(count):
            room = f"room{i % 5}@conference.localhost"
            enter(alice, room, "Alice")
            instant(alice, room)
            enter(bob, room, "Bob")
            for client in (alice, bob):
                client.send(f"<message to='{room}' type='groupchat'><body>Hello</body></message>")
                client.sync()
            bob.ask("set", "<query xmlns='urn:xmpp:mam:2'/>", to=room)
            alice.ask("set", "<query xmlns='http://jabber.org/protocol/muc#owner'><destroy/></query>", to=room)
            for client in (alice, bob):
                client.sync()
                client.take()
                client.came.clear()
    steady("rooms", act, 50, 200)
    alice.ends()
    bob.ends()


def settings():
    """Nodes, items, contacts, blocks and private data with names that are never the same."""
    alice = server.login("alice")
    alice.available()

    def act(count):
        for _ in range(count):
            settings.number += 1
            name = f"n{settings.number}"
            publish(alice, name, "<a xmlns='urn:example'/>", name)
            pubsub(alice, "set", f"<delete node='{name}'/>", ns=PUBSUB_OWNER)
            publish(alice, "urn:example:n", "<a xmlns='urn:example'/>", name)
            retract(alice, "urn:example:n", name)
            alice.send(f"<presence to='{name}@localhost' type='subscribe'/>")
            for inside in (f"<block xmlns='urn:xmpp:blocking'><item jid='{name}@localhost'/></block>",
                           f"<unblock xmlns='urn:xmpp:blocking'><item jid='{name}@localhost'/></unblock>",
                           f"<query xmlns='jabber:iq:private'><x xmlns='urn:example'>{name}</x></query>",
                           f"<query xmlns='jabber:iq:roster'><item jid='{name}@localhost' subscription='remove'/></query>"):
                alice.ask("set", inside)
            alice.take()
            alice.came.clear()
    steady("settings", act, 100, 200)
    alice.ends()


settings.number = 0


def main():
    server.start()
    server.register("alice", "bob", "carol")
    run(logins, refusals, messages, strangers, resumptions, web_logins, accounts, rooms, settings, server.stop)


main()
