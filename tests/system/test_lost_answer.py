#!/usr/bin/env python3
"""The store is lost while it commits: a message is refused and yet on disk. Sent again, with its origin-id, it reaches everybody, once.

Between the server and MariaDB is a wire that can be cut right after a commit went out. SQLite has no wire: there a message that was
refused is never on disk, and what is looked at is that it goes on as a new one.

timeout: 240
"""
import re
import socket
import threading
from pathlib import Path

from bongsu import Server, check, muc, run, wait_for
from bongsu.server import STORE

RESULT = "{urn:xmpp:mam:2}result"
SID = "{urn:xmpp:sid:0}stanza-id"
EXECUTE = (0x17, 0xFA)  # commands of MariaDB's protocol that run a prepared statement
ATTEMPTS = 20


class Wire:
    """Carries bytes between the server and MariaDB's socket.

    cut(n): the n-th statement from now on is carried out, but its answer is lost, the connection ends, and no new one
    works until mend().
    """

    def __init__(self, path, target):
        self.target, self.lock = target, threading.Lock()
        self.left, self.broken = 0, False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self, statements):
        with self.lock:
            self.left = statements

    def mend(self):
        with self.lock:
            self.left, self.broken = 0, False

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            if self.broken:
                client.close()
                continue
            database = socket.socket(socket.AF_UNIX)
            database.connect(self.target)
            for function in (self.carry, self.answer):
                threading.Thread(target=function, args=(client, database), daemon=True).start()

    def count(self, packet):
        with self.lock:
            if self.left > 0 and packet[4] in EXECUTE:
                self.left -= 1
                self.broken = self.left == 0

    def carry(self, client, database):
        data = b""
        try:
            while more := client.recv(1 << 16):
                data += more
                while len(data) >= 4 and len(data) >= (size := int.from_bytes(data[:3], "little") + 4):
                    packet, data = data[:size], data[size:]
                    self.count(packet)
                    database.sendall(packet)
            database.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def answer(self, client, database):
        try:
            while data := database.recv(1 << 16):
                if self.broken:
                    break  # it is carried out
                client.sendall(data)
        except OSError:
            pass
        for end in (client, database):
            end.close()


def history(client, to=None):
    """(id in the archive, id of the message, whether it is a tombstone)."""
    client.ask("set", "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>250</max></set></query>", to=to)
    results = [e.find(RESULT) for e in client.take() if e.find(RESULT) is not None]
    return [(r.get("id"), r.find(".//{jabber:client}message").get("id"),
             r.find(".//{urn:xmpp:message-retract:1}retracted") is not None) for r in results]


def places(client, number, to=None):
    return [row[0] for row in history(client, to) if row[1] == number]


def say(client, to, number, more="", kind="chat"):
    client.send(f"<message to='{to}' type='{kind}' id='{number}'><body>{number}</body>{more}"
                f"<origin-id xmlns='urn:xmpp:sid:0' id='{number}'/></message>")


def refused(client, to, number, nth, more="", kind="chat"):
    """Says it, and the answer to the n-th statement from then on is lost; True once the sender knows that it failed."""
    if wire:
        wire.cut(nth)
        say(client, to, number, more, kind)
        answer = client.wait(lambda e: e.get("id") == number and e.get("from") != client.jid, 60)
        wire.mend()
    else:
        with server.held():
            say(client, to, number, more, kind)
            answer = client.wait(lambda e: e.get("id") == number and e.get("from") != client.jid, 60)
    error = answer.find("c:error")
    return error is not None and error.get("type") == "wait"


def until_lost(what, attempt):
    """attempt(number): whether it was on disk though it was refused; with the wire, that comes about sooner or later."""
    for i in range(ATTEMPTS):
        if attempt(f"{what.replace(' ', '-')}-{i}") or not wire:
            return
    check(f"{what}: an answer was lost", False)


def heard(client, number):
    """How often it came, with the ids it had, up to something that follows."""
    client.send(f"<message to='{client.jid}' id='end' type='chat'><no-store xmlns='urn:xmpp:hints'/><body/></message>")
    client.wait(lambda e: e.name == "message" and e.get("id") == "end")
    found = [e for e in client.take() if e.name == "message" and f">{number}<" in e.raw and e.get("type") != "error"]
    return [x.get("id") for e in found for x in e.xml.iter(SID)]


def settled(client, to):
    client.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=to)


def by_the_recipient():
    alice, bob = server.login("alice", "phone"), server.login("bob", "desk")
    bob.available()

    def attempt(number):
        say(alice, "bob@localhost", "before-" + number)
        bob.wait("before-")
        if not refused(alice, "bob@localhost", number, 2):
            return False
        lost = places(bob, number)
        check("what was refused was not heard", heard(bob, number) == [])
        for _ in range(3):
            say(alice, "bob@localhost", number)
        settled(alice, "bob@localhost")
        came = heard(bob, number)
        check("said again, it is heard once, by the id that the archive has", len(came) == 1 and came == places(bob, number), came)
        check("which it had before", not lost or lost == came, (lost, came))
        check("its sender has it once", len(places(alice, number)) == 1)
        check("and no error", not [e for e in alice.take() if e.get("type") == "error"])
        return bool(lost)
    until_lost("by the recipient", attempt)


def for_an_absent_one():
    alice = server.login("alice", "phone")

    def attempt(number):
        say(alice, "carol@localhost", "before-" + number)
        settled(alice, "carol@localhost")
        if not refused(alice, "carol@localhost", number, 2):
            return False
        reader = server.login("carol", "reader")
        lost = places(reader, number)
        for text in (number, "after-" + number, number):
            say(alice, "carol@localhost", text)
        settled(alice, "carol@localhost")
        reader.ends()
        carol = server.login("carol", "legacy")
        carol.available()
        carol.wait("after-")
        came = heard(carol, number)
        check("it waits for its recipient, once", len(came) == 1 and came == places(carol, number), came)
        carol.ends()
        return bool(lost)
    until_lost("for an absent one", attempt)


def by_the_sender():
    alice, laptop, bob = server.login("alice", "phone"), server.login("alice", "laptop"), server.login("bob", "desk")
    laptop.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    bob.available()

    def attempt(number):
        say(alice, "bob@localhost", "before-" + number)
        bob.wait("before-")
        if not refused(alice, "bob@localhost", number, 1):
            return False
        lost = places(alice, number)
        for _ in range(3):
            say(alice, "bob@localhost", number)
        settled(alice, "bob@localhost")
        check("the recipient hears it once", heard(bob, number) == places(bob, number) and len(places(bob, number)) == 1)
        came = heard(laptop, number)
        check("so do the sender's other devices", len(came) == 1 and came == places(alice, number), came)
        if not places(bob, "r" + number):  # it is taken back in the same way
            if not refused(alice, "bob@localhost", "r" + number, 1, f"<retract xmlns='urn:xmpp:message-retract:1' id='{number}'/>"):
                return False
            lost = lost and places(alice, "r" + number)
            say(alice, "bob@localhost", "r" + number, f"<retract xmlns='urn:xmpp:message-retract:1' id='{number}'/>")
            settled(alice, "bob@localhost")
            for client in (alice, bob):
                wait_for("what is taken back is taken back on both sides", lambda c=client: any(
                    row[1:] == (number, True) for row in history(c)))
        return bool(lost)
    until_lost("by the sender", attempt)


def by_a_room():
    room, alice, bob = "room@conference.localhost", server.login("alice", "phone"), server.login("bob", "desk")
    muc.make(alice, room, "Alice")
    muc.enter(bob, room, "Bob")

    def attempt(number):
        say(alice, room, "before-" + number, kind="groupchat")
        bob.wait("before-")
        alice.wait("before-")
        if not refused(alice, room, number, 1, kind="groupchat"):
            return False
        lost = places(bob, number, room)
        check("what the room refused nobody heard", heard(bob, number) == [])
        alice.take()
        for _ in range(2):
            say(alice, room, number, kind="groupchat")
        first, again = (alice.wait(lambda e: e.get("id") == number).find(SID) for _ in range(2))
        came = heard(bob, number)
        check("said again, all hear it once", len(came) == 1 and came == places(bob, number, room), came)
        check("and who says it hears it each time", first.get("id") == came[0] and again is None, came)
        return bool(lost)
    until_lost("by a room", attempt)


def by_who_is_whispered_to():
    room, alice, bob = "den@conference.localhost", server.login("alice", "phone"), server.login("bob", "desk")
    muc.make(alice, room, "Alice")
    muc.enter(bob, room, "Bob")

    def attempt(number):
        say(alice, f"{room}/Bob", "before-" + number)
        bob.wait("before-")
        if not refused(alice, f"{room}/Bob", number, 2):
            return False
        lost = places(bob, number)
        check("what was refused nobody heard", heard(bob, number) == [])
        for _ in range(2):
            say(alice, f"{room}/Bob", number)
        settled(alice, room)
        settled(alice, "bob@localhost")
        came = heard(bob, number)
        check("whispered again, it is heard once", len(came) == 1 and came == places(bob, number), came)
        return bool(lost)
    until_lost("by who is whispered to", attempt)


def main():
    server.start()
    server.register("alice", "bob", "carol")
    try:
        run(by_the_recipient, for_an_absent_one, by_the_sender, by_a_room, by_who_is_whispered_to)
    finally:
        server.kill()


store = re.sub("^{", "{timeout: 3s, ", STORE)
wire = None
if "mariadb" in STORE:
    wire = Wire("wire", re.search('socket: "?([^",}]+)', STORE)[1])
    store = re.sub('socket: "?[^",}]+"?', f'socket: "{Path("wire").resolve()}"', store)
server = Server(store=store)
main()
