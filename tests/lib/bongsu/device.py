"""A device of a user, as phones are: it loses its connection, resumes (XEP-0198) or logs in anew, and sends again what was
not acknowledged. Nothing here waits for an answer but a login: what comes is read when there is time (read()), and goes
in its order to `hear`, to whoever asked (ask()), or to the counts of acks.

    phone = Device(server, "alice", "phone", hear)
    phone.log_in(managed=True)
    phone.say("<message .../>", keep=True)
    phone.ask("get", "<ping xmlns='urn:xmpp:ping'/>", lambda answer: ...)
    phone.cut()
    phone.resumed() or phone.log_in()
"""
import itertools
import socket
import struct
import time

from bongsu.client import Late
from bongsu.sm import SM, enable, received, resume


class Broken(Exception):
    """The server did what it must not; who: the users that it concerns."""

    def __init__(self, what, *who):
        super().__init__(what)
        self.who = who


class Item:
    """Something that was sent; keep: it is sent again in a new session, too."""

    def __init__(self, text, keep, on_acked, iq):
        self.text = text
        self.keep = keep
        self.on_acked = on_acked
        self.iq = iq  # the id of its question, or None


class Session:
    """A bound resource, over all of its connections."""

    def __init__(self, device, managed, short):
        self.device = device
        self.managed = managed  # has stream management
        self.short = short  # the server may end it after a second without connection
        self.over = False
        self.clean = False  # over, and nothing was left unacknowledged


class Device:
    def __init__(self, server, user, name, hear, session=Session):
        self.server = server
        self.user = user
        self.name = name
        self.hear = hear  # is given (device, element) of each message and presence
        self.new_session = session
        self.client = None
        self.up = False
        self.session = None  # the one that the server may still have
        self.outbox = []  # Items that were not acknowledged
        self.acked = 0  # stanzas of this session
        self.waiting = {}  # iqs: id: callback
        self.ids = itertools.count(1)
        self.resumptions = self.logins = 0
        self.asked = 0  # requests for an ack that were not answered
        self.requested = False  # an ack was asked for
        self.refused = False  # connected, but not resumed

    @property
    def jid(self):
        return f"{self.user}@localhost/{self.name}"

    @property
    def bare(self):
        return f"{self.user}@localhost"

    # ---- out

    def raw(self, text):
        if self.up:
            try:
                self.client.send(text)
            except OSError:
                self.cut()

    def say(self, text, keep=False, on_acked=lambda: None, iq=None):
        """Sends a stanza, now or when there is a connection again."""
        self.outbox.append(Item(text, keep, on_acked, iq))
        if self.session:
            self.raw(text)

    def ask(self, kind, payload, then, to=None, keep=False):
        number = f"q{next(self.ids)}"
        self.waiting[number] = then
        address = f" to='{to}'" if to else ""
        self.say(f"<iq type='{kind}' id='{number}'{address}>{payload}</iq>", keep, iq=number)

    def request(self):
        """Asks for an ack, once."""
        if self.up and self.session.managed and self.outbox and not self.requested:
            self.requested = True
            self.raw(f"<r xmlns='{SM}'/>")

    def ack(self):
        self.asked = 0
        if self.up and self.session.managed:
            self.raw(f"<a xmlns='{SM}' h='{received(self.client)}'/>")

    def settled(self, count):
        """The first so many of the outbox were taken by the server."""
        for item in self.outbox[:count]:
            item.on_acked()
        del self.outbox[:count]

    def on_ack(self, h):
        count = (h - self.acked) % (1 << 32)
        if count > len(self.outbox):
            raise Broken(f"{self.jid}: h={h}, after {self.acked}, with {len(self.outbox)} under way", self.user)
        self.settled(count)
        self.acked = h

    # ---- in

    def take(self):
        """What was read."""
        for element in self.client.take() if self.client else []:
            if element.ns == SM:
                if element.name == "a":
                    self.requested = False
                    self.on_ack(int(element.get("h")))
                elif element.name == "r":
                    self.asked += 1
            elif element.name == "iq":
                if element.get("type") in ("result", "error"):
                    self.waiting.pop(element.get("id"), lambda _: None)(element)
            elif element.name in ("message", "presence") and self.session:
                self.hear(self, element)
            elif element.ns != "jabber:client" and element.name == "error":
                if element.condition != "system-shutdown":
                    raise Broken(f"{self.jid}: {element}", self.user)

    def read(self):
        """All that is there, without waiting."""
        try:
            while self.up and self.client.read(time.monotonic()):
                pass
            self.take()
            self.cut()
        except Late:
            pass
        self.take()

    # ---- connections

    def cut(self, reset=False):
        """The connection is gone, with what was under way on it."""
        if not self.up:
            return
        self.up = self.requested = False
        if reset:
            self.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()
        if not self.session.managed:
            self.end()

    def end(self, clean=False):
        """The session is not to come back."""
        if self.session:
            self.session.over, self.session.clean = True, clean
        self.session = None
        self.waiting = {item.iq: self.waiting[item.iq] for item in self.outbox if item.keep and item.iq in self.waiting}

    def leave(self):
        """Logs out; what came until then was acknowledged, what comes still may not be."""
        self.read()
        if not self.up:
            return
        self.ack()
        last = received(self.client) if self.session.managed else 0
        self.raw("</stream:stream>")
        try:
            self.client.ended()
        except Late as late:
            raise Broken(f"{self.jid}: the stream does not end: {late}", self.user) from late
        clean = not self.session.managed or received(self.client) == last
        self.take()
        self.up = self.requested = False
        self.client.close()
        self.end(clean)

    def resumed(self):
        """Resumes the session; False if the server does not have it any more and that may be."""
        self.take()  # what was read counts as received
        self.cut()
        self.take()  # what counts in h
        self.client = resume(self.server, self.client)
        answer = self.client.resumed
        if answer.name == "resumed":
            self.up = True
            self.requested, self.asked = False, 0
            self.resumptions += 1
            self.on_ack(int(answer.get("h")))
            for item in self.outbox:
                self.raw(item.text)
            return True
        if not self.session.short:
            raise Broken(f"{self.jid}: not resumed: {answer}", self.user)
        if answer.get("h"):
            self.on_ack(int(answer.get("h")))
        self.refused = True
        return False

    def log_in(self, managed=True, short=False):
        """A new session. Returns what the last one left unacknowledged and is to be sent again: see send_again()."""
        self.take()
        if self.refused:
            client = self.client  # it goes on with a new resource
            client.bind(self.name)
        else:
            self.cut()
            client = self.server.login(self.user, self.name)
        self.end()
        if managed:
            enable(client, more=" max='1'" if short else "")
        self.client, self.up = client, True
        self.session = self.new_session(self, managed, short)
        self.acked, self.requested, self.refused, self.asked = 0, False, False, 0
        self.logins += 1
        kept, self.outbox = [item for item in self.outbox if item.keep], []
        return kept

    def send_again(self, items):
        for item in items:
            self.outbox.append(item)
            self.raw(item.text)

    def __repr__(self):
        return self.jid


def stanza_ids(message, by):
    return [x.get("id") for x in message.findall("{urn:xmpp:sid:0}stanza-id") if x.get("by") == by]


def is_late(message):
    """It was not delivered when it came: the server says when that was (XEP-0203)."""
    return any(x.get("from") == "localhost" for x in message.findall("{urn:xmpp:delay}delay"))

