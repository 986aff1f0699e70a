#!/usr/bin/env python3
"""Devices of a few users do what devices do, at random and all at once, and a model says what each of them must have heard.

They send (texts, corrections, receipts, markers, chat states, retractions, the same again), lose their connections, resume,
log in anew, log out, sleep (XEP-0352), turn carbons on and off, read on any device, and look into archives; the server is
restarted in between. When all is quiet, archives, conversation lists and what every session heard are compared with the
model (tests/lib/bongsu/model.py). Users differ: some read the archive at each login, one does so before it is available and
not after, one never.

--seed N or MODEL_SEED makes the same decisions again; --steps N or MODEL_STEPS (2000) is how long it goes on.
timeout: 900
"""
import random

from bongsu import Server, check, run
from bongsu.archive import Inbox, Query
from bongsu.device import Broken, Device
from bongsu.model import CARBONS, DISPLAYED, NEWS, Account, Ear, World
from bongsu.play import eventually, parse, pick, restart, until

options = parse(__doc__)
USERS = {"una": "reads", "dan": "reads", "tom": "reads first", "cat": "never reads"}  # the archive
DEVICES = ("phone", "desk", "web")
ERA = 60  # steps until all is compared, about
CSI = "urn:xmpp:csi:0"
PING = "<ping xmlns='urn:xmpp:ping'/>"
rng = random.Random()  # is given a new seed at each step, so that decisions do not depend on what came when
server = Server(c2s={"stanzas_per_second": 0, "bytes_per_second": 0, "max_connections_per_address": 0})
world = World()
devices = []


class Phone(Device):
    """A device with habits."""

    def __init__(self, user, name):
        super().__init__(server, user, name, world.hear, self.begin)
        self.account = world.accounts[user]
        self.habit = USERS[user]
        self.odd_ids = (user, name) == ("dan", "web")  # its messages have other ids than origin-ids
        self.asleep = False
        self.cursor = ""  # archive id up to which it read
        self.ready = False  # the login is through

    def begin(self, device, managed, short):
        session = Ear(device, managed, short, world.step)
        self.account.sessions.append(session)
        return session

    # ---- coming

    def come(self):
        """Back to its session, or to a new one."""
        if self.up:
            return
        if self.session and rng.random() < 0.7 and self.resumed():
            world.note(f"{self.jid} resumes", self.user)
            self.asleep = False
            return
        self.ready = self.asleep = False
        managed = self.habit == "never reads" or rng.random() < 0.85
        rest = self.log_in(managed, managed and rng.random() < 0.15)
        world.note(f"{self.jid} logs in{'' if managed else ' without stream management'}", self.user)
        self.copies_wanted = rng.random() < 0.7
        self.send_again(rest)
        if self.habit == "reads first" or (self.habit == "reads" and rng.random() < 0.5):
            self.read_archive(self.read_early)
        else:
            self.read_early(None)

    def read_early(self, last):
        """It has read the archive, or not; now it becomes available."""
        self.session.early = last
        if self.copies_wanted:
            self.ask("set", f"<enable xmlns='{CARBONS}'/>", self.appear)
        else:
            self.appear(None)

    def appear(self, answer):
        session = self.session
        session.copies = answer is not None
        self.say("<presence/>")
        if self.habit == "reads":
            self.read_archive(self.know)
            return
        session.fence = world.utter(self, self.user, None, "note")
        self.utter(session.fence)
        self.ready = True

    def know(self, last):
        self.session.set_base(last, world.step)
        self.ready = True

    def read_archive(self, then):
        """Page after page from where it was; then(the last id)."""
        session, size, found = self.session, rng.choice((3, 10, 50)), []

        def page():
            query = Query(limit=size, after=self.cursor or None)
            found.append(query)
            self.ask("set", query.xml(), got)

        def got(answer):
            query = found.pop()
            query.done(answer)
            if self.session is not session:
                return
            session.read.append((self.cursor, query.ids))
            self.cursor = query.ids[-1] if query.ids else self.cursor
            if query.complete:
                then(self.cursor)
            else:
                page()

        page()

    # ---- doing

    def utter(self, said, more=""):
        def acked():
            said.acked = True
        self.say(said.xml(more), said.archived, acked)

    def everybody_else(self):
        return [user for user in USERS if user != self.user]

    def heard(self):
        """Texts of others that it heard, or knows from before."""
        rows = self.account.rows[-20:]
        return [row.said for row in rows if row.said.sender != self.user and row.said.kind == "text"] + [
            s.said for s in (self.session.sights if self.session else []) if s.said.sender != self.user and s.said.kind == "text"]

    def own(self):
        """Texts of its user that it wrote, or knows from before."""
        return [row.said for row in self.account.rows[-30:] if row.said.sender == self.user and row.said.kind == "text"] + [
            said for said in world.said[world.first:] if said.device is self and said.kind == "text"]


# ---- what may happen; each is given a phone

def send(phone):
    for _ in range(rng.randrange(1, 4)):
        to = rng.choice(phone.everybody_else())
        resource = rng.choice(DEVICES) if rng.random() < 0.15 else None
        phone.utter(world.utter(phone, to, resource, "text", spoof=rng.random() < 0.05))


def note(phone):
    phone.utter(world.utter(phone, phone.user, None, "note"))


def state(phone):
    for _ in range(rng.randrange(1, 4)):
        phone.utter(world.utter(phone, rng.choice(phone.everybody_else()), None, "state"))


def about_own(kind):
    def act(phone):
        target = pick(rng, phone.own())
        if target:
            phone.utter(world.utter(phone, target.to, None, kind, target))
    return act


def about_others(kind):
    def act(phone):
        target = pick(rng, phone.heard())
        if target:
            phone.utter(world.utter(phone, target.sender, None, kind, target))
    return act


def marker(phone):
    """Sometimes the server is asked to publish it for the other devices as well (XEP-0490)."""
    target, assist = pick(rng, phone.heard()), rng.random() < 0.3
    if not target:
        return
    archive_id = next((row.id for row in phone.account.rows if row.said is target), None)
    more = ""
    if assist and archive_id:
        phone.account.published.setdefault(target.sender, []).append(archive_id)
        more = displayed(phone, archive_id)
    phone.utter(world.utter(phone, target.sender, None, "marker", target), more)


def displayed(phone, archive_id):
    return f"<displayed xmlns='{DISPLAYED}'><stanza-id xmlns='urn:xmpp:sid:0' by='{phone.bare}' id='{archive_id}'/></displayed>"


def publish(phone):
    row = pick(rng, [row for row in phone.account.rows[-20:] if row.said.sender != phone.user and row.said.kind in NEWS])
    if row:
        world.note(f"{phone.jid} publishes {row} as displayed", phone.user, row.said.sender)
        world.count("published")
        phone.account.published.setdefault(row.said.sender, []).append(row.id)
        phone.ask("set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:mds:displayed:0'>"
                  f"<item id='{row.said.sender}@localhost'>{displayed(phone, row.id)}</item></publish></pubsub>", succeeded, keep=True)


def succeeded(answer):
    if answer.get("type") != "result":
        raise Broken(f"refused: {answer}")


def again(phone):
    """Something that was accepted before comes again."""
    said = pick(rng, [said for said in world.said[-150:] if said.device is phone and said.archived and said.kind != "marker" and said.acked])
    if said:
        world.note(f"{phone.jid} says {said} again", *said.between())
        world.count("again")
        phone.say(said.xml(), True)


def carbons(phone):
    session = phone.session
    if not (phone.ready and phone.up and session.base is not None) or any(t[1] is None for t in session.toggles):
        return
    on = not (session.toggles[-1][2] if session.toggles else session.copies)
    toggle = [len(session.sights), None, on]
    session.toggles.append(toggle)
    world.count("carbons toggled")

    def answered(answer):
        succeeded(answer)
        toggle[1] = len(session.sights)
        world.note(f"{phone.jid} has carbons {'on' if on else 'off'}", phone.user)

    phone.ask("set", f"<{'enable' if on else 'disable'} xmlns='{CARBONS}'/>", answered)


def sleep(phone):
    if phone.up:
        phone.asleep = not phone.asleep
        world.count("asleep or awake")
        phone.raw(f"<{'inactive' if phone.asleep else 'active'} xmlns='{CSI}'/>")


def cut(phone):
    world.note(f"{phone.jid} loses its connection", phone.user)
    world.count("cut")
    phone.cut(rng.random() < 0.3)


def come(phone):
    phone.come()


def leave(phone):
    if phone.up and phone.ready:
        world.note(f"{phone.jid} logs out", phone.user)
        world.count("logged out")
        phone.leave()


def all_leave(phone):
    """Nobody is there: what comes now waits."""
    for device in phone.account.devices:
        leave(device) if rng.random() < 0.8 else cut(device)


def all_come(phone):
    for device in phone.account.devices:
        device.come()


def look(phone):
    """A piece of the archive that does not change any more."""
    rows, size = phone.account.rows[:phone.account.start], rng.choice((1, 5, 30))
    if len(rows) < 3 or not phone.up:
        return
    first, last = sorted(int(rng.random() * len(rows)) for _ in range(2))
    backwards, flip = rng.random() < 0.5, rng.random() < 0.3
    query = Query({"after-id": rows[first].id, "before-id": rows[last].id}, size, "" if backwards else None, flip=flip)
    wanted = [row.id for row in rows[first + 1:last]]
    wanted = wanted[-size:] if backwards else wanted[:size]

    def answered(answer):
        query.done(answer)
        if query.ids != (wanted[::-1] if flip else wanted):
            raise Broken(f"{phone}: a page of the archive is wrong: {query.xml()} {query.ids} {wanted}", phone.user)

    world.count("looked")
    phone.ask("set", query.xml(), answered)


ACTIONS = {send: 40, note: 1, state: 10, about_own("correction"): 4, about_own("retraction"): 5, about_others("receipt"): 5,
           marker: 8, publish: 4, again: 5, carbons: 4, sleep: 6, cut: 6, come: 12, leave: 3, all_leave: 1, all_come: 2, look: 5}


def act():
    phone = rng.choice(devices)
    rng.choices([*ACTIONS], [*ACTIONS.values()])[0](phone)
    for device in rng.sample(devices, 3):
        device.read()
        if device.asked and rng.random() < 0.8:
            device.ack()


# ---- when all is quiet

def confirm(phone):
    """Without stream management: what it sent is settled when everybody it wrote to answers behind it."""
    count, left = len(phone.outbox), set(USERS)

    def answered(user):
        left.discard(user)
        if not left:
            phone.settled(count + len(USERS))

    for user in USERS:
        phone.ask("get", PING, lambda _, user=user: answered(user), to=f"{user}@localhost")


def settle():
    """Everybody is there, everything was taken by the server, and came."""
    for phone in rng.sample(devices, len(devices)):
        phone.come()
    until(devices, "logins", lambda: all(p.ready and p.session.base is not None for p in devices))
    for phone in devices:
        phone.ack()
        if phone.asleep:
            sleep(phone)
        if not phone.session.managed:
            confirm(phone)
    until(devices, "acks", lambda: not any(p.outbox or p.waiting for p in devices))
    for phone in devices:
        phone.ask("get", PING, lambda _: None)
        if not phone.session.managed:
            phone.outbox.clear()
    until(devices, "pings", lambda: not any(p.outbox or p.waiting for p in devices))


def compare(account, reader):
    def archive():
        world.read_archive(account, reader, 100)
        world.check_archive(account)
        world.check_tombstones(account)

    def heard():
        for session in account.sessions:
            world.check_session(account, session)
        world.check_missed(account)
        world.check_states(account)

    eventually(devices, archive)
    eventually(devices, lambda: world.check_talks(account, Inbox(reader)))
    eventually(devices, heard)
    world.check_late(account)
    for _ in range(2 if account.rows else 0):
        query = Query.random(rng, account.rows).ask(reader)
        wrong = query.wrong(account.rows)
        if wrong:
            raise Broken(f"a page of the archive of {account.user}: {query.xml()}: {wrong}", account.user)


def quiet():
    settle()
    for account in world.accounts.values():
        with server.login(account.user, "reader") as reader:
            compare(account, reader)
            reader.ends()
    world.turn()


# ---- all

def play():
    print(f"seed {options.seed}, {options.steps} steps", flush=True)
    server.start()
    server.register(*USERS)
    for user in USERS:
        world.accounts[user] = Account(user)
        world.accounts[user].devices = [Phone(user, name) for name in DEVICES]
        devices.extend(world.accounts[user].devices)
    try:
        for world.step in range(options.steps):
            rng.seed(f"{options.seed} {world.step}")
            act()
            if world.step % (options.steps // 3) == options.steps // 5:
                restart(server, world, devices)
            if rng.random() < 1 / ERA or world.step == options.steps - 1:
                quiet()
                world.count("compared")
    except Broken as broken:
        world.fails(broken, options)
        return
    finally:
        print("     " + ", ".join(f"{n} {what}" for what, n in sorted(world.counts.items())), flush=True)
    check(f"the model holds for {options.steps} steps", True)
    for what in ("text", "note", "state", "correction", "retraction", "receipt", "marker", "published", "again", "heard direct",
                 "heard sent", "heard received", "last states", "restarts", "compared"):
        check(f"there was of this: {what}", world.counts.get(what))
    check("sessions were resumed", sum(p.resumptions for p in devices))
    for phone in devices:
        phone.cut()
    server.stop()


try:
    run(play)
finally:
    server.kill()
