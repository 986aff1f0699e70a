"""People who talk, on several devices and in a group, while a test breaks things; and what must be true afterwards.

A Talker is an account with two devices, which do what good clients do: they acknowledge what they get, resume their
sessions (XEP-0198), and send again what was not acknowledged, with the same origin-id. Its phone writes to other talkers,
to somebody who is away, and to a members-only room, of which it may be the owner, who changes subject, configuration and
affiliations; and it publishes (XEP-0163). A Company is all of them and the archives (XEP-0313) as an audit reads them: all
that was said and not refused is in each archive once, in order, behind what was there before; devices saw nothing that is
not in an archive, and all of it if their sessions lived; what was changed with a result is changed; and those who are away
have as much unread as the archives say.
"""
import random
import threading
import time
from collections import Counter, deque

from bongsu import Ended, Late, check, muc, pep
from bongsu.sm import SM, enable, ready, received, watch
from strain import PATIENCE, PING, eventually

MAM = "urn:xmpp:mam:2"
RESULT, FORWARDED = f"{{{MAM}}}result", "{urn:xmpp:forward:0}forwarded/c:message"
RSM = "http://jabber.org/protocol/rsm"
INBOX = "urn:xmpp:inbox:1"
ROOM = "torture@conference.localhost"
NODE = "urn:example:torture"
AWAY = "away"
MEMBERS = [f"m{i}" for i in range(20)]  # who come and go as members, and have no accounts
CARBONS = "<enable xmlns='urn:xmpp:carbons:2'/>"


def text_of(message):
    """What a message says: «sender number», from its body or its subject."""
    return message.text("c:body") or message.text("c:subject")


class Device:
    """One device of a user: a session, over any number of connections."""

    def __init__(self, talker, name, in_room):
        self.talker, self.name, self.in_room = talker, name, in_room
        self.client, self.up = None, False
        self.unacked, self.acked = deque(), 0  # what it sent: (text, may it be sent again to another session?)
        self.due = {}  # iqs without an answer: id and what to do with it
        self.heard = {}  # archive: [(id, text, as an offline message)], since the session began or the last audit
        self.sessions = self.resumed = 0

    def connect(self):
        """Resumes the session or begins one, and sends again what was not acknowledged."""
        server, user = self.talker.company.server, self.talker.user
        client, old = ready(server, user), self.client
        if old is None or not self.resume(client, old):
            self.due.clear()
            again, self.unacked = [text for text, repeatable in self.unacked if repeatable], deque()
            self.begin(client)
            for text in again:
                self.send(text, True)

    def resume(self, client, old):
        """False: the server does not know the session."""
        watch(client, received(old))
        client.send(f"<resume xmlns='{SM}' previd='{old.sm}' h='{received(old)}'/>")
        answer = client.wait(lambda e: e.ns == SM and e.name in ("resumed", "failed"))
        if answer.name == "failed":
            self.acknowledge(int(answer.get("h") or self.acked))
            return False
        client.jid, client.sm = old.jid, old.sm
        self.client, self.up = client, True
        self.resumed += 1
        self.acknowledge(int(answer.get("h")))
        for text, _ in self.unacked:
            self.write(text)
        return True

    def begin(self, client):
        client.bind(self.name)
        self.client, self.up, self.acked = enable(client), True, 0
        self.sessions += 1
        self.heard = {}
        self.send("<presence/>")
        self.ask("set", CARBONS, lambda answer: None)
        if self.in_room:
            self.send(f"<presence to='{ROOM}/{self.talker.user}'><x xmlns='{muc.MUC}'><history maxstanzas='0'/></x></presence>")
            entered = client.wait(lambda e: (e.get("from") or "").startswith(ROOM) and
                                  (e.name == "message" and e.find("c:subject") is not None or e.get("type") == "error"))
            assert entered.name == "message", entered

    # ---- what it sends

    def write(self, text):
        try:
            if self.up:
                self.client.send(text)
        except OSError:
            self.up = False  # what came before is still read

    def send(self, text, repeatable=False):
        """A stanza."""
        self.unacked.append((text, repeatable))
        self.write(text + f"<r xmlns='{SM}'/>")

    def ask(self, kind, payload, then, to=None):
        """Sends an iq; then(answer) is called for its result or error."""
        number = f"i{next(self.client.ids)}-{self.sessions}"
        self.due[number] = then
        self.send(f"<iq type='{kind}' id='{number}'" + (f" to='{to}'" if to else "") + f">{payload}</iq>")

    def acknowledge(self, h):
        n = (h - self.acked) % (1 << 32)
        assert n <= len(self.unacked), (self.name, h, self.acked, len(self.unacked))
        for _ in range(n):
            self.unacked.popleft()
        self.acked = h

    # ---- what it gets

    def take(self, seconds=0.0):
        """What comes within that time."""
        if not self.client:
            return
        try:
            if self.up and not self.client.came and not self.client.read(time.monotonic() + seconds):
                self.up = False
        except Late:
            pass
        for element in self.client.take():
            self.on_element(element)
        if self.client.parser.closed:
            self.cut()

    def on_element(self, element):
        kind, ident = element.get("type"), element.get("id") or ""
        if element.ns == SM and element.name == "a":
            self.acknowledge(int(element.get("h")))
        elif element.ns == SM and element.name == "r":
            self.write(f"<a xmlns='{SM}' h='{received(self.client)}'/>")
        elif element.name == "message" and kind == "error":
            self.talker.refuse(element, ident)
        elif element.name == "message":
            self.on_message(element)
        elif element.name == "iq" and ident in self.due and kind in ("result", "error"):
            self.due.pop(ident)(element)
        elif element.name == "presence" and kind == "error":
            self.talker.strange.append(element.raw)

    def on_message(self, element):
        by = ROOM if element.get("type") == "groupchat" else f"{self.talker.user}@localhost"
        ids = [e.get("id") for e in element.all("{urn:xmpp:sid:0}stanza-id") if e.get("by") == by]
        text = text_of(element)
        if text and (ids or not text.startswith(f"{self.talker.user} ")):  # else what it said again comes back
            late = element.find("{urn:xmpp:delay}delay") is not None
            self.heard.setdefault(by, []).append((ids[0] if ids else None, text, late))

    def catch_up(self):
        """All that is there, and the end, if that is there."""
        before = None
        while self.up and before != len(self.client.got):
            before = len(self.client.got)
            self.take()

    # ---- quiet

    def cut(self):
        if self.client:
            self.client.close()
        self.up = False

    def settle(self):
        """Waits until all that it sent is acknowledged and answered, and it has got what was sent to it before that."""
        until = time.monotonic() + PATIENCE
        done = []
        self.ask("get", PING, done.append, to="localhost")
        while self.up and not (done and not self.unacked and not self.due) and time.monotonic() < until:
            self.take(0.1)
        return not self.unacked and not self.due


class Talker:
    """A user with a phone, which writes, and a tablet. owner: of the room."""

    def __init__(self, company, user, owner=False):
        self.company, self.user, self.owner = company, user, owner
        self.chance = random.Random(f"{company.seed} {user}")
        self.phone, self.tablet = Device(self, "phone", True), Device(self, "tablet", not owner)  # in the room: two with one nick
        self.sent, self.refused, self.strange = {}, set(), []  # number: to whom, all; of those, refused
        self.count = 0
        self.changes = {}  # what, and its values that may be, from the last one confirmed on
        self.confirmed = 0
        self.stopping = threading.Event()
        self.thread = None

    @property
    def devices(self):
        return self.phone, self.tablet

    # ---- the load

    def start(self):
        self.stopping.clear()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def run(self):
        while not self.stopping.is_set() and all(device.up for device in self.devices):
            if len(self.phone.unacked) < 12:
                self.act()
            self.phone.take(0.01)
            self.tablet.take()
            if self.chance.random() < 0.005:
                self.reconnect(self.chance.choice(self.devices))
        for device in self.devices:
            while device.up and not self.stopping.is_set():
                device.take(0.05)  # the other is not up any more: this one will not be, either

    def reconnect(self, device):
        """A bad network."""
        device.cut()
        try:
            device.connect()
        except (OSError, Ended, Late, AssertionError):
            device.cut()  # the server is away

    def act(self):
        dice = self.chance.random()
        if dice < 0.5:
            self.say(self.chance.choice([t.user for t in self.company.talkers if t is not self] + [AWAY]))
        elif dice < 0.8:
            self.say(ROOM)
        elif dice < 0.87 or not self.owner:
            self.publish()
        elif dice < 0.94:
            self.change_room()
        else:
            self.say(ROOM, "subject")

    def say(self, to, what="body"):
        self.count += 1
        ident, kind = f"{self.user}-{self.count}", "groupchat" if to == ROOM else "chat"
        self.sent[self.count] = (to, what)
        self.phone.send(f"<message type='{kind}' id='{ident}' to='{to if to == ROOM else f'{to}@localhost'}'>"
                        f"<{what}>{self.user} {self.count}</{what}><origin-id xmlns='urn:xmpp:sid:0' id='{ident}'/></message>", True)

    def refuse(self, element, ident):
        if element.find("c:error").get("type") != "wait":
            self.strange.append(element.raw)
        if ident.startswith(f"{self.user}-"):
            self.refused.add(int(ident.partition("-")[2]))

    def change(self, what, value, payload, to):
        """One change of a kind at a time; what may be true is known whatever happens."""
        self.changes.setdefault(what, [None]).append(value)

        def answered(answer):
            if answer.get("type") == "result":
                allowed = self.changes[what]
                self.changes[what] = allowed[allowed.index(value):] if value in allowed else allowed
                self.confirmed += 1
            elif answer.find("c:error").get("type") != "wait":
                self.strange.append(answer.raw)
        self.phone.ask("set", payload, answered, to)

    def change_room(self):
        self.count += 1
        if self.chance.random() < 0.4:
            inside = muc.form({"muc#roomconfig_roomdesc": f"description {self.count}"})
            self.change("description", f"description {self.count}", f"<query xmlns='{muc.OWNER}'>{inside}</query>", ROOM)
            return
        who, to = self.chance.choice(MEMBERS), self.chance.choice(["none", "member", "admin", "outcast"])
        if not any(len(values) > 1 for what, values in self.changes.items() if what == who):
            self.change(who, to, f"<query xmlns='{muc.ADMIN}'><item jid='{who}@localhost' affiliation='{to}'/></query>", ROOM)

    def publish(self):
        self.count += 1
        item, text = f"item {self.chance.randrange(50)}", str(self.count)
        self.change(item, text, f"<pubsub xmlns='{pep.PUBSUB}'><publish node='{NODE}'><item id='{item}'><a xmlns='urn:example'>"
                    f"{text}</a></item></publish><publish-options>" + pep.form(
                        f"{pep.PUBSUB}#publish-options", **pep.PRIVATE) + "</publish-options></pubsub>", None)


class Archive:
    """What an audit found in an archive: new rows must be behind those that it knows."""

    def __init__(self, owner):
        self.owner = owner  # an account's name, or ROOM
        self.last, self.ids = None, {}  # id: text, all
        self.fresh = []  # (id, sender, text, whether it has a body) since the last audit

    def read(self, client, whole=False):
        """client: of the owner, or of somebody who may read the room. whole: from the beginning, to compare."""
        rows, after = [], None if whole else self.last
        while True:
            place = f"<after>{after}</after>" if after else ""
            answer = client.ask("set", f"<query xmlns='{MAM}'><set xmlns='{RSM}'><max>200</max>{place}</set></query>",
                                to=ROOM if self.owner == ROOM else None)
            page = [self.row(e) for e in client.take() if e.find(RESULT) is not None]
            rows += page
            if answer.get("type") != "result" or not page or "complete='true'" in answer.raw:
                break
            after = rows[-1][0]
        check(f"the archive of {self.owner} is read", answer.get("type") == "result", answer)
        last = rows[-1][0] if rows else self.last
        rows = [row for row in rows if row[1].startswith("t")]  # the room invites, too
        if whole:
            return rows
        self.fresh, self.last = rows, last
        self.ids |= {row[0]: row[2] for row in rows}
        return rows

    def row(self, element):
        message = element.find(f"{RESULT}/{FORWARDED}")
        body = message.findtext("{jabber:client}body")
        text = body or message.findtext("{jabber:client}subject") or ""
        return element.find(RESULT).get("id"), text.partition(" ")[0], text, body is not None


class Company:
    """Talkers, their room, and somebody who is away."""

    def __init__(self, server, seed, talkers=3):
        self.server, self.seed = server, seed
        self.talkers = [Talker(self, f"t{i}", i == 0) for i in range(talkers)]
        self.archives = {name: Archive(name) for name in [t.user for t in self.talkers] + [AWAY, ROOM]}
        self.unread = Counter()  # of the one who is away: conversation and rows that are news
        self.crashed = False  # before the last audit: what waited since then may come after it
        self.done = Counter()  # to print

    @property
    def owner(self):
        return self.talkers[0]

    def gather(self):
        self.server.register(*(t.user for t in self.talkers), AWAY)
        with self.server.login(self.owner.user, "maker") as maker:
            muc.make(maker, ROOM, self.owner.user, membersonly="1", persistentroom="1", changesubject="0")
            answer = muc.admin(maker, ROOM, *({"jid": f"{name}@localhost", "affiliation": "member"}
                                              for name in [t.user for t in self.talkers[1:]] + [AWAY]))
            check("a room is made", answer.get("type") == "result", answer)
            maker.ends()
        self.connect()

    def connect(self):
        """Whoever has no connection gets one."""
        for device in (d for t in self.talkers for d in t.devices if not d.up):
            device.cut()
            device.connect()

    def leave(self):
        for device in (d for t in self.talkers for d in t.devices):
            device.cut()

    def start(self):
        for talker in self.talkers:
            talker.start()

    def stop(self):
        for talker in self.talkers:
            talker.stop()

    def totals(self):
        """What happened in all, to be printed."""
        devices = [d for t in self.talkers for d in t.devices]
        return {"messages": self.done["messages"], "refused": self.done["refused"], "lost": self.done["lost"],
                "doubled": self.done["doubled"], "heard by devices": self.done["heard"],
                "changes": sum(t.confirmed for t in self.talkers), "sessions": sum(d.sessions for d in devices),
                "resumptions": sum(d.resumed for d in devices)}

    # ---- afterwards

    def audit(self, when, lived):
        """lived: the server did not die, so that all sessions must still be there."""
        for device in (d for t in self.talkers for d in t.devices):
            device.catch_up()
        before = [(d, d.sessions, {by: [*rows] for by, rows in d.heard.items()}) for t in self.talkers for d in t.devices]
        self.connect()
        settled = [(d.talker.user, d.name, d.unacked, d.due) for t in self.talkers for d in t.devices if not d.settle()]
        check(f"{when}: all that was sent was acknowledged and answered", not settled, settled[:2])
        same = all(device.sessions == sessions for device, sessions, _ in before)
        if lived:
            check(f"{when}: sessions were resumed", same, [(d.talker.user, d.name, d.sessions) for d, _, _ in before])
        strange = [s for t in self.talkers for s in t.strange]
        check(f"{when}: talkers got no other errors than of type wait", not strange, strange[:3])
        self.read()
        self.audit_archives(when)
        self.audit_devices(when, before, same)
        self.audit_changes(when)
        self.audit_away(when)
        for talker in self.talkers:
            self.done["messages"] += len(talker.sent)
            self.done["refused"] += len(talker.refused)
            talker.sent, talker.refused, talker.strange = {}, set(), []

    def read(self):
        for name, archive in self.archives.items():
            with self.server.login(self.owner.user if name == ROOM else name, "audit") as client:
                archive.read(client)

    def audit_archives(self, when):
        """Each archive has what was said, once and in order."""
        missing, doubled, disorder = [], [], []
        for talker in self.talkers:
            for name, archive in self.archives.items():
                wanted = [n for n, (to, _) in talker.sent.items() if name in (to, talker.user) and (to != ROOM or name == ROOM)]
                got = [int(text.split()[1]) for _, sender, text, _ in archive.fresh if sender == talker.user]
                missing += [(name, talker.user, n) for n in wanted if n not in got and n not in talker.refused]
                doubled += [(name, talker.user, n) for n, times in Counter(got).items() if times > 1]
                if got != sorted(got) or not set(got) <= set(wanted):
                    disorder.append((name, talker.user, got))
        self.done["lost"] += len(missing)
        self.done["doubled"] += len(doubled)
        said = sum(len(t.sent) for t in self.talkers)
        refused = sum(len(t.refused) for t in self.talkers)
        check(f"{when}: what was said ({said}, {refused} refused) is in every archive", not missing, missing[:9])
        check(f"{when}: once", not doubled, doubled[:9])
        check(f"{when}: in order, behind what was there, and nothing else", not disorder, disorder[:2])

    def audit_devices(self, when, before, same):
        """What a device saw is in the archive; all of it, once and in order, if its session lived."""
        wrong = []
        refused = any(t.refused for t in self.talkers)
        for device, _, heard in before:
            for by in {f"{device.talker.user}@localhost"} | ({ROOM} if device.in_room else set()):
                archive = self.archives[by.partition("@")[0] if by != ROOM else ROOM]
                news = [(i, text) for i, sender, text, _ in archive.fresh if by == ROOM or sender != device.talker.user]
                if same and not refused:
                    eventually(lambda: device.take(0.05) or len(device.heard.get(by, [])) >= len(news))
                    fresh = {i for i, _, _, _ in archive.fresh}
                    self.compare(wrong, device, by, [(i, text) for i, text, late in device.heard.get(by, []) if
                                                     not (late or self.crashed) or i in fresh or i not in archive.ids], news)
                for i, text, _ in heard.get(by, []):
                    if archive.ids.get(i) != text:
                        wrong.append((device.talker.user, device.name, by, i, text, "is in no archive"))
            device.heard = {}
        self.crashed = not same
        self.done["heard"] += sum(len(rows) for _, _, heard in before for rows in heard.values())
        check(f"{when}: devices saw what is in the archives" + (", all of it, once and in order" if same and not refused else ""),
              not wrong, wrong[:3])

    @staticmethod
    def compare(wrong, device, by, got, news):
        if got != news:
            lost, more = [x for x in news if x not in got], [x for x in got if x not in news]
            twice = [x for x, times in Counter(got).items() if times > 1]
            wrong.append((device.talker.user, device.name, by, "lost", lost[:5], "more", more[:5], "twice", twice[:5],
                          len(got), len(news)))

    def audit_changes(self, when):
        with self.server.login(self.owner.user, "audit") as client:
            there = {x["jid"].partition("@")[0]: x["affiliation"] for kind in ("owner", "admin", "member", "outcast")
                     for x in muc.listed(client, ROOM, affiliation=kind)}
            answer = client.ask("get", f"<query xmlns='{muc.OWNER}'/>", to=ROOM)
            field = next(f for f in answer.all(".//{jabber:x:data}field") if f.get("var") == "muc#roomconfig_roomdesc")
            there["description"] = field.findtext("{jabber:x:data}value")
        there = {what: there.get(what, "none") for what in [*MEMBERS, "description"]}
        wrong = self.settle_changes(self.owner, [*MEMBERS, "description"], there)
        check(f"{when}: the room is as it was changed", not wrong, wrong[:5])
        wrong = []
        for talker in self.talkers:
            with self.server.login(talker.user, "audit") as client:
                there = {name: x.text for name, x in (pep.items(client, NODE) or {}).items()}
            wrong += self.settle_changes(talker, [what for what in talker.changes if what.startswith("item ")], there)
        check(f"{when}: what was published is there", not wrong, wrong[:5])
        subjects = [f"{self.owner.user} {n}" for n, (_, what) in self.owner.sent.items() if what == "subject" and
                    n not in self.owner.refused]
        if subjects:
            with self.server.login(self.owner.user, "audit") as client:
                got = muc.enter(client, ROOM, self.owner.user).subject.text("c:subject")
            check(f"{when}: the subject is the last one", got == subjects[-1], (got, subjects[-1]))

    @staticmethod
    def settle_changes(talker, names, there):
        """Those that are not as they may be; what is there is what counts from now on."""
        wrong = []
        for what in (w for w in names if w in talker.changes):
            if there.get(what) not in [v or "none" if what in MEMBERS else v for v in talker.changes[what]]:
                wrong.append((talker.user, what, there.get(what), talker.changes[what]))
            talker.changes[what] = [there.get(what)]
        return wrong

    def audit_away(self, when):
        """Unread is what the archives say."""
        for _, sender, _, _ in self.archives[AWAY].fresh:
            self.unread[f"{sender}@localhost"] += 1
        self.unread[ROOM] += sum(has_body for _, _, _, has_body in self.archives[ROOM].fresh)
        with self.server.login(AWAY, "audit") as client:
            client.ask("get", f"<inbox xmlns='{INBOX}'/>")
            entries = [e.find(f"{{{INBOX}}}entry") for e in client.take() if e.find(f"{{{INBOX}}}entry") is not None]
        got = {e.get("jid"): int(e.get("unread")) for e in entries}
        check(f"{when}: who is away has as much unread as the archives say", got == +self.unread, (got, self.unread))

    def audit_whole(self, when):
        """At the end: every archive, from the beginning, is what the audits saw."""
        for name, archive in self.archives.items():
            with self.server.login(self.owner.user if name == ROOM else name, "audit") as client:
                rows = [(i, text) for i, _, text, _ in archive.read(client, whole=True)]
            check(f"{when}: the archive of {name} ({len(rows)}) is as it was seen", rows == [*archive.ids.items()], len(archive.ids))
