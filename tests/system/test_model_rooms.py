#!/usr/bin/env python3
"""Members of two rooms, with two devices each, come and go, speak and read, at random and all at once; a model says what each
of them must have heard, who is there, and what is unread for those who are away.

They enter and leave, say things, correct, retract, whisper, set the subject, change their nicks, moderate, kick, lose their
membership and get it back, lose their connections, resume and log in anew; the server is restarted in between. When all is
quiet, archives, what each device heard, whom it sees, and conversation lists are compared with tests/lib/bongsu/model_rooms.py.

--seed N or MODEL_SEED makes the same decisions again; --steps N or MODEL_STEPS (2000) is how long it goes on.
timeout: 900
"""
import argparse
import os
import random

from bongsu import Server, check, muc, run
from bongsu.archive import Inbox, Query
from bongsu.device import Broken, Device
from bongsu.model import DISPLAYED, RETRACT
from bongsu.model_rooms import MODERATE, Rooms, Seat, Visit
from bongsu.play import eventually, parse, pick, restart, until

options = parse(__doc__)
USERS = {"olga": "owner", "ann": "admin", "bert": "member", "carl": "member", "dora": "member"}
ERA = 60  # steps until all is compared, about
PING = "<ping xmlns='urn:xmpp:ping'/>"
rng = random.Random()
server = Server(c2s={"stanzas_per_second": 0, "bytes_per_second": 0, "max_connections_per_address": 0})
world = Rooms(["tea", "work"])
devices = []


class Guest(Device):
    def __init__(self, user, name):
        super().__init__(server, user, name, world.hear, Seat)
        self.ready = False

    def come(self):
        if self.up:
            return
        if self.session and rng.random() < 0.7 and self.resumed():
            world.note(f"{self.jid} resumes", self.user)
            return
        self.ready = False
        rest = self.log_in()
        world.note(f"{self.jid} logs in", self.user)
        self.send_again(rest)
        self.say("<presence/>")
        left = set(world.rooms)

        def answered(room):
            left.discard(room)
            self.ready = not left

        for room in world.rooms:  # what it still hears of its last session comes before the answer
            self.ask("get", PING, lambda _, room=room: answered(room), to=room.jid)

    def utter(self, said, keep=False):
        def acked():
            said.acked = True
        self.say(said.xml(), keep, acked)

    def rooms(self):
        """Where it is."""
        return [room for room, visit in self.session.visits.items() if visit.nick and not visit.leaving] if self.session else []


def known(room, user, own):
    """Archive ids of texts in the room that the user knows: of the user, or of others."""
    ids = [row.id for row in room.rows[-20:]] + [i for v in room.visits if v.device.user == user for i in v.heard]
    return [i for i in ids if i in room.by_id and room.by_id[i].kind == "text" and (room.by_id[i].device.user == user) == own]


# ---- what may happen; each is given a device

def enter(guest):
    room, history = rng.choice(world.rooms), rng.choice((0, 5, 20))
    if not (guest.session and guest.ready) or room in guest.session.visits:
        return
    visit = guest.session.visits[room] = Visit(guest, room)
    room.visits.append(visit)
    world.note(f"{guest.jid} enters {room}", guest.user)
    guest.say(f"<presence to='{room.jid}/{room.nicks.get(guest.user, guest.user)}'><x xmlns='{muc.MUC}'>"
              f"<history maxstanzas='{history}'/></x></presence>")


def leave(guest):
    room = pick(rng, guest.rooms())
    if room:
        visit = guest.session.visits[room]
        visit.leaving = True
        world.note(f"{guest.jid} leaves {room}", guest.user)
        guest.say(f"<presence type='unavailable' to='{room.jid}/{visit.nick}'/>")


def rename(guest):
    room = pick(rng, guest.rooms())
    if room:
        world.count("renamed")
        guest.say(f"<presence to='{room.jid}/{guest.user} {world.step}'/>")


def speak(guest):
    room = pick(rng, guest.rooms())
    for _ in range(rng.randrange(1, 4) if room else 0):
        guest.utter(world.utter(guest, room, "text"))


def subject(guest):
    room = pick(rng, guest.rooms())
    if room and room.members.get(guest.user) in ("owner", "admin"):
        guest.utter(world.utter(guest, room, "subject"))


def correct(guest):
    room = pick(rng, guest.rooms())
    target = pick(rng, known(room, guest.user, True)) if room else None
    if target:
        guest.utter(world.utter(guest, room, "correction", room.by_id[target].id))


def retract(guest):
    room = pick(rng, guest.rooms())
    target = pick(rng, known(room, guest.user, rng.random() < 0.9)) if room else None
    if target:
        guest.utter(world.utter(guest, room, "retraction", target))


def whisper(guest):
    room = pick(rng, guest.rooms())
    nick = pick(rng, sorted(guest.session.visits[room].seen)) if room else None
    if nick and nick != guest.session.visits[room].nick:
        guest.utter(world.utter(guest, room, "whisper", nick=nick))


def marker(guest):
    room = pick(rng, guest.rooms())
    target = pick(rng, known(room, guest.user, False)) if room else None
    if target:
        room.read.setdefault(guest.user, []).append(target)
        guest.utter(world.utter(guest, room, "marker", target), keep=True)


def publish(guest):
    """Also by one who is not there."""
    room = rng.choice(world.rooms)
    target = pick(rng, known(room, guest.user, False))
    if target and room.members.get(guest.user):
        world.count("published")
        world.note(f"{guest.jid} publishes {room.by_id[target]} as displayed", guest.user)
        room.read.setdefault(guest.user, []).append(target)
        guest.ask("set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:mds:displayed:0'>"
                  f"<item id='{room.jid}'><displayed xmlns='{DISPLAYED}'><stanza-id xmlns='urn:xmpp:sid:0' by='{room.jid}' "
                  f"id='{target}'/></displayed></item></publish></pubsub>", lambda _: None, keep=True)


def again(guest):
    said = pick(rng, [s for s in world.said[-100:] if s.device is guest and s.archived and s.acked and not s.refused])
    if said and said.room in guest.rooms():
        world.count("again")
        said.repeated = True
        world.note(f"{guest.jid} says {said} again", guest.user)
        guest.say(said.xml())


def moderate(guest):
    room = pick(rng, guest.rooms())
    target = pick(rng, known(room, guest.user, False)) if room else None
    if target and USERS[guest.user] != "member":
        world.note(f"{guest.jid} moderates {room.by_id[target]}", guest.user)
        guest.ask("set", f"<moderate xmlns='{MODERATE}' id='{target}'><retract xmlns='{RETRACT}'/></moderate>",
                  lambda answer: world.count("moderated", answer.get("type") == "result"), to=room.jid)


def kick(guest):
    room = pick(rng, guest.rooms())
    nick = pick(rng, sorted(guest.session.visits[room].seen)) if room else None
    if nick and USERS[guest.user] != "member" and not nick.startswith(("olga", "ann")):
        world.note(f"{guest.jid} kicks {nick} out of {room}", guest.user)
        guest.ask("set", f"<query xmlns='{muc.ADMIN}'><item nick='{nick}' role='none'/></query>",
                  lambda answer: world.count("kicked", answer.get("type") == "result"), to=room.jid)


def expel(guest):
    """A member is one no more, until all is quiet."""
    room, user = rng.choice(world.rooms), rng.choice(("bert", "carl", "dora"))
    if guest.user == "olga" and guest.up and room.members.get(user):
        def done(answer):
            if answer.get("type") == "result":
                room.members.pop(user, None)
                world.count("expelled")

        world.note(f"{guest.jid} expels {user} from {room}", user)
        guest.ask("set", f"<query xmlns='{muc.ADMIN}'><item jid='{user}@localhost' affiliation='none'/></query>", done, to=room.jid,
                  keep=True)


def cut(guest):
    world.note(f"{guest.jid} loses its connection", guest.user)
    guest.cut(rng.random() < 0.3)


def log_out(guest):
    if guest.up and guest.ready:
        world.note(f"{guest.jid} logs out", guest.user)
        guest.leave()


ACTIONS = {enter: 14, leave: 3, rename: 3, speak: 40, subject: 2, correct: 4, retract: 5, whisper: 5, marker: 8, publish: 4, again: 4,
           moderate: 6, kick: 6, expel: 4, cut: 6, Guest.come: 14, log_out: 2}


def act():
    rng.choices([*ACTIONS], [*ACTIONS.values()])[0](rng.choice(devices))
    for device in rng.sample(devices, 3):
        device.read()
        if device.asked and rng.random() < 0.8:
            device.ack()


# ---- when all is quiet

def settle():
    for guest in rng.sample(devices, len(devices)):
        guest.come()
    until(devices, "logins", lambda: all(g.ready for g in devices))
    until(devices, "acks", lambda: not any(g.outbox or g.waiting for g in devices))
    until(devices, "entering and leaving", lambda: all(v.nick and not v.leaving for g in devices for v in g.session.visits.values()))
    for guest in devices:
        guest.ack()
        guest.ask("get", PING, lambda _: None)
    until(devices, "pings", lambda: not any(g.outbox or g.waiting for g in devices))


def compare_room(room, owner):
    def archive():
        world.read_archive(room, owner, 100)
        world.check_archive(room)
        world.check_tombstones(room)

    def visits():
        for visit in room.visits:
            world.check_visit(room, visit)
        world.check_views(room)

    eventually(devices, archive)
    eventually(devices, visits)


def compare_member(user, reader):
    eventually(devices, lambda: world.check_talks(user, Inbox(reader)))
    for room in world.rooms:
        if user in room.members and room.rows:
            query = Query.random(rng, room.rows).ask(reader, room.jid)
            wrong = query.wrong(room.rows)
            if wrong:
                raise Broken(f"a page of the archive of {room} for {user}: {query.xml()}: {wrong}", user)


def quiet():
    settle()
    with server.login("olga", "reader") as owner:
        for room in world.rooms:
            compare_room(room, owner)
        eventually(devices, lambda: world.check_whispers(devices))
        for user in USERS:
            with server.login(user, "inbox") as reader:
                compare_member(user, reader)
                reader.ends()
        world.turn()
        for room in world.rooms:
            for user in sorted(set(USERS) - set(room.members)):
                if rng.random() < 0.7:
                    admit(owner, room, user, "member")
        owner.ends()
    world.count("compared")


def admit(owner, room, user, affiliation):
    answer = muc.admin(owner, room.jid, {"jid": f"{user}@localhost", "affiliation": affiliation})
    if answer.get("type") != "result":
        raise Broken(f"{user} cannot be admitted to {room}: {answer}", user)
    room.members[user], room.since[user] = affiliation, len(room.rows)
    world.note(f"{user} is {affiliation} of {room}", user)


def found():
    """The rooms, empty."""
    with server.login("olga", "founder") as owner:
        for room in world.rooms:
            muc.make(owner, room.jid, "founder", membersonly="1")
            room.members["olga"] = "owner"
            for user, affiliation in USERS.items():
                if affiliation != "owner":
                    admit(owner, room, user, affiliation)
            muc.leave(owner, room.jid, "founder")
        owner.ends()


def play():
    print(f"seed {options.seed}, {options.steps} steps", flush=True)
    server.start()
    server.register(*USERS)
    found()
    devices.extend(Guest(user, name) for user in USERS for name in ("phone", "desk"))
    try:
        for world.step in range(options.steps):
            rng.seed(f"{options.seed} {world.step}")
            act()
            if world.step % (options.steps // 3) == options.steps // 5:
                restart(server, world, devices)
            if rng.random() < 1 / ERA or world.step == options.steps - 1:
                quiet()
    except Broken as broken:
        world.fails(broken, options)
        return
    finally:
        print("     " + ", ".join(f"{n} {what}" for what, n in sorted(world.counts.items())), flush=True)
    check(f"the model holds for {options.steps} steps", True)
    for what in ("text", "correction", "retraction", "whisper", "marker", "published", "again", "heard", "restarts", "compared"):
        check(f"there was of this: {what}", world.counts.get(what))
    check("sessions were resumed", sum(g.resumptions for g in devices))
    for guest in devices:
        guest.cut()
    server.stop()


try:
    run(play)
finally:
    server.kill()
