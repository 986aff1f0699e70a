#!/usr/bin/env python3
"""A full room: 100 clients come, go, change nicks, speak, are kicked and banned, at random; a model says what each of them
must have seen. The 101st does not get in. BONGSU_SEED repeats a run."""
# timeout: 600
import os
import random
import time

from bongsu import Server, check, run
from bongsu import muc
from bongsu.muc import admin, ask_to_enter, codes, enter, item, make, nick, refusal

SEED = int(os.environ.get("BONGSU_SEED", time.time_ns() % 1000000))
ROUNDS = int(os.environ.get("BONGSU_ROUNDS", 60))
PLACE = "crowd@conference.localhost"
server = Server(c2s={"max_connections_per_address": 0, "stanzas_per_second": 0, "bytes_per_second": 0})
rng = random.Random(SEED)


class Guest:
    """A client, what it has seen, and what the model says about it."""

    def __init__(self, number):
        self.name = f"g{number}"
        self.client = None
        self.nick = None  # in the room under that one
        self.role = self.affiliation = None
        self.reset()

    def reset(self):
        self.seen = {}  # nick: role
        self.heard = []
        self.expected = []  # bodies

    def connect(self):
        if self.client is None:
            self.client = server.login(self.name, "dev")

    def take(self, event):
        """Presence and messages as a client understands them."""
        if event.name == "presence" and event.get("type") is None:
            self.seen[nick(event)] = item(event)["role"]
        elif event.name == "presence" and event.get("type") == "unavailable":
            self.seen.pop(nick(event), None)
        elif event.name == "message" and event.get("type") == "groupchat" and event.text("c:body"):
            self.heard.append(event.text("c:body"))

    def until(self, holds):
        """Takes all up to what holds, and that."""
        while True:
            event = self.client.wait(lambda e: True)
            self.take(event)
            if holds(event):
                return


class Model:
    def __init__(self, owner, guests):
        self.owner = owner
        self.guests = guests
        self.marker = 0
        self.nicks = 0
        self.untold = []  # guests who were not told why they are out

    def here(self):
        return [g for g in self.guests if g.nick]

    def new_nick(self):
        self.nicks += 1
        return f"nick {self.nicks}"

    def out(self, guest, code):
        """The model: it is no more in the room, and hears of it with that code."""
        guest.nick = guest.role = None
        gone = guest.client.wait(lambda e: e.name == "presence" and e.get("type") == "unavailable" and 110 in codes(e) and
                                 303 not in codes(e))
        guest.client.take()
        if code not in codes(gone):
            self.untold.append((guest.name, code, gone))

    # ---- what may happen

    def join(self):
        outside = [g for g in self.guests if not g.nick and g.affiliation != "outcast"]
        if not outside or len(self.here()) >= 99:
            return
        guest = rng.choice(outside)
        guest.connect()
        guest.reset()
        guest.nick = self.new_nick()
        guest.role = "moderator" if guest.affiliation == "admin" else "participant"
        ask_to_enter(guest.client, PLACE, guest.nick, "<history maxstanzas='0'/>")
        guest.until(lambda e: e.name == "presence" and 110 in codes(e) and e.get("type") is None)

    def leave(self):
        guest = self.pick()
        if guest:
            guest.client.send(f"<presence to='{PLACE}/{guest.nick}' type='unavailable'/>")
            guest.client.wait(lambda e: e.name == "presence" and e.get("type") == "unavailable" and 110 in codes(e) and
                              303 not in codes(e))
            guest.client.take()
            guest.nick = guest.role = None

    def vanish(self):
        guest = self.pick()
        if guest:
            guest.client.close()
            self.owner.until(lambda e: e.name == "presence" and e.get("type") == "unavailable" and nick(e) == guest.nick)
            guest.client = guest.nick = guest.role = None

    def rename(self):
        guest = self.pick()
        if guest:
            old, guest.nick = guest.nick, self.new_nick()
            guest.client.send(f"<presence to='{PLACE}/{guest.nick}'/>")
            guest.until(lambda e: e.name == "presence" and e.get("from") == f"{PLACE}/{old}" and 303 in codes(e))

    def speak(self):
        guest = self.pick()
        if guest:
            self.nicks += 1
            body = f"message {self.nicks} of {guest.name}"
            guest.client.send(f"<message to='{PLACE}' type='groupchat' id='i{self.nicks}'><body>{body}</body></message>")
            for other in self.here():
                other.expected.append(body)
            # Whose turn it is next must not overtake it.
            guest.until(lambda e: e.get("id") == f"i{self.nicks}")

    def kick(self):
        guest = self.pick()
        if guest and guest.affiliation not in ("admin", "owner"):
            self.asked({"nick": guest.nick, "role": "none"})
            self.out(guest, 307)

    def ban(self):
        guest = self.pick()
        if guest and guest.affiliation != "owner":
            self.asked({"jid": f"{guest.name}@localhost", "affiliation": "outcast"})
            guest.affiliation = "outcast"
            self.out(guest, 301)

    def pardon(self):
        banned = [g for g in self.guests if g.affiliation == "outcast"]
        if banned:
            guest = rng.choice(banned)
            self.asked({"jid": f"{guest.name}@localhost", "affiliation": "none"})
            guest.affiliation = "none"

    def promote(self):
        guest = self.pick()
        if guest:
            to = rng.choice(["none", "member", "admin"])
            self.asked({"jid": f"{guest.name}@localhost", "affiliation": to})
            if to == "admin":
                guest.role = "moderator"
            elif guest.affiliation == "admin":
                guest.role = "participant"
            guest.affiliation = to

    def pick(self):
        here = self.here()
        return rng.choice(here) if here else None

    def asked(self, change):
        answer = admin(self.owner.client, PLACE, change)
        assert answer.get("type") == "result", (change, answer)

    # ---- what must be seen

    def compare(self, what):
        """Everybody hears a marker; by then they have seen what the model says."""
        if self.untold:
            return check(what, False, f"seed {SEED}: {self.untold}")
        self.marker += 1
        marker = f"marker {self.marker}"
        self.owner.client.send(f"<message to='{PLACE}' type='groupchat'><body>{marker}</body></message>")
        model = {g.nick: g.role for g in self.here()} | {"Owner": "moderator"}
        for guest in self.here() + [self.owner]:
            guest.until(lambda e: e.text("c:body") == marker)
            guest.heard.remove(marker)
            if guest is self.owner:
                guest.expected = guest.heard
            if guest.seen != model or guest.heard != guest.expected:
                wrong = set(guest.seen.items()) ^ set(model.items())
                return check(what, False, f"seed {SEED}: {guest.name} ({guest.nick}) sees {wrong} wrong, heard "
                             f"{guest.heard[-5:]} of {guest.expected[-5:]}")
        return True


def churn():
    print(f"seed {SEED}", flush=True)
    owner = Guest(0)
    owner.client = server.login("g0", "dev")
    entered = make(owner.client, PLACE, "Owner", maxusers="100")
    owner.take(entered.me)
    owner.nick = "Owner"
    owner.affiliation = "owner"
    model = Model(owner, [Guest(i) for i in range(1, 101)])
    for _ in range(70):
        model.join()
    good = model.compare("70 guests have come")
    what = [model.join] * 6 + [model.leave] * 3 + [model.vanish] + [model.rename] * 3 + [model.speak] * 5 + \
        [model.kick, model.ban, model.pardon] + [model.promote] * 2
    for i in range(ROUNDS):
        for _ in range(rng.randrange(1, 12)):
            rng.choice(what)()
        good = good and model.compare(f"round {i}")
        if not good:
            return
    check(f"{ROUNDS} rounds of coming and going are seen by all as they were (seed {SEED})", good)
    while len(model.here()) < 99:
        if not [g for g in model.guests if not g.nick and g.affiliation != "outcast"]:
            model.pardon()
        model.join()
    good = model.compare("a full room")
    check("a full room has 100", good and len(owner.seen) == 100, len(owner.seen))
    last = next(g for g in model.guests if not g.nick)
    if last.affiliation == "outcast":
        model.asked({"jid": f"{last.name}@localhost", "affiliation": "none"})
    elif last.affiliation == "admin":
        model.asked({"jid": f"{last.name}@localhost", "affiliation": "none"})
    last.connect()
    last.client.take()
    check("the 101st does not get in", refusal(last.client, PLACE, "Late") == "service-unavailable")
    info = last.client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=PLACE)
    check("disco counts them", "<value>100</value>" in info.raw, info)


def away():
    """A group of 100 goes on while 95 of them are away; on return each is told how much is unread, and finds all that was said."""
    place, mam, inbox = "group@conference.localhost", "urn:xmpp:mam:2", "{urn:xmpp:inbox:1}entry"
    present = [server.login(f"g{i}", "here") for i in range(5)]
    make(present[0], place, "g0", membersonly="1")
    answer = admin(present[0], place, *({"jid": f"g{i}@localhost", "affiliation": "member"} for i in range(1, 100)))
    check("a group of 100 is made", answer.get("type") == "result" and len(muc.listed(present[0], place, affiliation="member"))
          == 99, answer)
    answer = admin(present[0], place, {"jid": "g100@localhost", "affiliation": "member"})
    check("and cannot have 101", answer.condition == "resource-constraint", answer)
    for i in range(1, 5):
        enter(present[i], place, f"g{i}")
    said = [f"{rng.random()} of g{i % 5}" for i in range(120)]
    for i, body in enumerate(said):
        muc.say(present[i % 5], place, body, f"w{i}")
    wrong, unread = [], []
    for i in range(5, 100):
        with server.login(f"g{i}", "back") as client:
            client.ask("get", "<inbox xmlns='urn:xmpp:inbox:1'/>")
            entries = [e.find(inbox) for e in client.take() if e.find(inbox) is not None]
            unread.append({e.get("jid"): e.get("unread") for e in entries}.get(place))
            found, last = [], ""
            while True:
                answer = client.ask("set", f"<query xmlns='{mam}'><set xmlns='http://jabber.org/protocol/rsm'><max>100</max>"
                                    f"{last}</set></query>", to=place)
                found += [e.text(f"{{{mam}}}result/{{urn:xmpp:forward:0}}forwarded/c:message/c:body") for e in client.take()
                          if e.find(f"{{{mam}}}result") is not None]
                if "complete='true'" in answer.raw or answer.condition:
                    break
                last = f"<after>{answer.find('.//{http://jabber.org/protocol/rsm}last').text}</after>"
            if found != said:
                wrong.append((client.jid, len(found), answer))
    check("each of 95 who were away finds all of it", not wrong, wrong[:3])
    check("and was told that all of it is unread", unread == [str(len(said))] * 95, unread)


def restart():
    """The room is the same after a restart, and fills again."""
    server.restart()
    clients = [server.login(f"g{i}", "dev") for i in range(0, 20)]
    entered = enter(clients[0], PLACE, "Owner")
    check("the owner is the owner", item(entered.me)["affiliation"] == "owner")
    check("with the last words", entered.history and entered.history[-1].text("c:body").startswith("marker "), entered.history)


def main():
    server.start()
    server.register(*(f"g{i}" for i in range(101)))
    run(churn, away, restart)


try:
    main()
finally:
    server.kill()
