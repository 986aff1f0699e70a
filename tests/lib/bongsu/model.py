"""A model of accounts: what was said, and what every archive, device and conversation list must show of it.

The order of what different devices send is the server's to decide; it says it by its archives. Everything else follows:
an archive has each message once, those of a device in the order in which it sent them; a device hears in the order of its
account's archive, from a known place on, all that is for it, and never the same twice; what is unread is what comes after
the farthest place that was read.

device.py sends and hears; the test that uses this decides who does what, and calls the checks when all is quiet.
"""
import re
from pathlib import Path

from bongsu.archive import FORWARDED, MESSAGE, STAMP, results, take_result
from bongsu.checks import check
from bongsu.client import escape
from bongsu.device import Broken, Session, is_late, stanza_ids

CARBONS = "urn:xmpp:carbons:2"
MARKERS = "urn:xmpp:chat-markers:0"
RETRACT = "urn:xmpp:message-retract:1"
DISPLAYED = "urn:xmpp:mds:displayed:0"
STATES = "http://jabber.org/protocol/chatstates"
NEWS = ("text", "note")  # what can be unread, or shows that one has read
HISTORY = 30  # lines that a failure shows


class Missing(Broken):
    """It is not there, or not yet: what is written after a message was accepted, and what waits behind what is handed out to
    a device that comes."""


class Said:
    """A message that a device sent. kind: text, note (to oneself), correction, receipt, marker, retraction, state."""

    def __init__(self, number, device, to, resource, kind, target, step, spoof):
        self.number = number
        self.device = device
        self.to = to  # a user
        self.resource = resource  # or None: to the bare JID
        self.kind = kind
        self.target = target  # the message that it is about
        self.id = f"m{number}"
        self.origin = f"o{number}" if device.odd_ids else self.id
        self.step = step
        self.spoof = spoof  # it claims to have an id in the recipient's archive
        self.acked = False
        self.retracted = False
        self.body = f"{kind} {number}" if kind in ("text", "note", "correction") else None

    @property
    def sender(self):
        return self.device.user

    @property
    def line(self):
        """What has the same line is in order. A note to oneself has a way of its own: it is archived when it comes back."""
        return self.device, self.kind == "note"

    @property
    def archived(self):
        return self.kind != "state"

    def between(self):
        return {self.sender, self.to}

    def with_whom(self, user):
        """The other side of the conversation."""
        return self.to if self.sender == user else self.sender

    def payload(self):
        about = self.target.id if self.target else None
        return {
            "correction": lambda: f"<replace xmlns='urn:xmpp:message-correct:0' id='{about}'/>",
            "receipt": lambda: f"<received xmlns='urn:xmpp:receipts' id='{about}'/>",
            "marker": lambda: f"<displayed xmlns='{MARKERS}' id='{about}'/>",
            "retraction": lambda: f"<retract xmlns='{RETRACT}' id='{self.target.origin}'/>",
            "state": lambda: f"<composing xmlns='{STATES}'/>",
        }.get(self.kind, str)()

    def xml(self, more=""):
        to = f"{self.to}@localhost" + (f"/{self.resource}" if self.resource else "")
        inside = f"<body>{escape(self.body)}</body>" if self.body else ""
        if self.archived:
            inside += f"<origin-id xmlns='urn:xmpp:sid:0' id='{self.origin}'/>"
        if self.spoof:
            inside += f"<stanza-id xmlns='urn:xmpp:sid:0' by='{self.to}@localhost' id='spoofed'/>"
        return f"<message to='{to}' type='chat' id='{self.id}'>{inside}{self.payload()}{more}</message>"

    def __repr__(self):
        to = self.to + (f"/{self.resource}" if self.resource else "")
        return f"{self.id} ({self.kind} {self.device.user}/{self.device.name} to {to}" + (
            f", about {self.target.id})" if self.target else ")")


class Row:
    """One message of an archive."""

    def __init__(self, said, user, result):
        message = result.find(f"{FORWARDED}/{MESSAGE}")
        self.said = said
        self.id = result.get("id")
        self.stamp = result.find(STAMP).get("stamp")
        self.message = message
        self.other = message.get("to") if said.sender == user else message.get("from")  # an address
        self.tombstone = message.find(f"{{{RETRACT}}}retracted")

    def __repr__(self):
        return f"{self.said}{' (tombstone)' if self.tombstone is not None else ''}"


class Sight:
    """A message as a session got it. how: direct, sent or received (carbons)."""

    def __init__(self, said, archive_id, how, late):
        self.said = said
        self.id = archive_id  # or None
        self.how = how
        self.late = late

    def __repr__(self):
        return f"{self.said} as {self.how}{' late' if self.late else ''}"


class Ear(Session):
    """A session with what it heard in this era, and from where on it hears all."""

    def __init__(self, device, managed, short, step):
        super().__init__(device, managed, short)
        self.begin_step = step
        self.sights = []
        self.base = None  # all rows after this one come: None: not known yet, "": from the first on
        self.base_step = 0
        self.fence = None  # a note to oneself that becomes the base when it comes
        self.early = None  # archive id up to which the archive was read before any message could come
        self.copies = False  # carbons are on, at the base
        self.toggles = []  # [sights when it was asked for, when it was answered or None, on]
        self.read = []  # (after which id, ids) of the archive

    def hears(self, sight, step):
        self.sights.append(sight)
        if sight.said is self.fence:
            self.set_base(sight.id, step)

    def set_base(self, archive_id, step):
        self.base, self.base_step = archive_id, step

    def base_place(self, account):
        return max(account.place[self.base] if self.base else -1, account.start - 1)

    def places(self, account, sights):
        return [account.place[s.id] for s in sights if s.id and not s.late]

    def copies_at(self, account, place):
        """Whether carbons were on when that row came; None: either."""
        state = self.copies
        for asked, answered, on in self.toggles:
            before = self.places(account, self.sights[:asked])
            after = [] if answered is None else self.places(account, self.sights[answered:])
            if place <= max(before, default=-1):
                return state
            if not after or place < after[0]:
                return None
            state = on
        return state

    def always_copies(self):
        return self.copies and not self.toggles

    def turn(self):
        self.sights, self.read, self.early = [], [], None
        if self.toggles:
            self.copies = self.toggles[-1][2]
        self.toggles = []


class Account:
    """A user: the archive as it was read last, the devices, and what they heard since then."""

    def __init__(self, user):
        self.user = user
        self.devices = []
        self.rows = []
        self.place = {}  # archive id: index of rows
        self.start = 0  # rows before that were checked
        self.sessions = []  # of this era, those that are over too
        self.published = {}  # with whom: archive ids that were published as displayed
        self.got = set()  # archive ids of what some device heard or read

    def take_rows(self, rows):
        self.rows = rows
        self.place = {row.id: i for i, row in enumerate(rows)}


class Story:
    """What happened, for whoever has to understand a failure."""

    def __init__(self):
        self.log = []  # (users, text)
        self.step = 0
        self.counts = {}

    def count(self, what, more=1):
        self.counts[what] = self.counts.get(what, 0) + more

    def note(self, text, *users):
        self.log.append((set(users), f"{self.step}: {text}"))

    def history(self, broken):
        """What became of the messages that it names, then the last lines of what its users did with each other."""
        who, names = set(broken.who), set(re.findall(r"\bm\d+\b", str(broken)))
        about = [text for _, text in self.log if names & set(re.findall(r"\bm\d+\b", text))]
        rest = [text for users, text in self.log if not who or (users <= who if len(who) > 1 else users & who)]
        return "\n".join(f"     | {line}" for line in about[-HISTORY:] + ["..."] + rest[-HISTORY:])


    def fails(self, broken, options):
        """Says why, and leaves all that happened in model.log."""
        Path("model.log").write_text("".join(f"{text}\n" for _, text in self.log), encoding="utf-8")
        check(f"the model holds for {options.steps} steps", False,
              f"seed {options.seed}, step {self.step}: {broken}\n{self.history(broken)}")


class World(Story):
    def __init__(self):
        super().__init__()
        self.accounts = {}
        self.said = []
        self.restarted = -1  # the step of the last restart
        self.first = self.first_step = 0  # number of the first message of this era, and the step in which it began

    def utter(self, device, to, resource, kind, target=None, spoof=False):
        said = Said(len(self.said), device, to, resource, kind, target, self.step, spoof)
        self.said.append(said)
        self.note(f"{device.jid} says {said}", device.user, to)
        self.count(kind)
        return said

    def find(self, message):
        """What was said in this message, after a look whether it is as it was said."""
        number = message.get("id") or ""
        if message.get("type") == "error":
            raise Broken(f"an error comes from {message.get('from')} to {message.get('to')} for {number}")
        if not number.startswith("m") or int(number[1:]) >= len(self.said):
            raise Broken(f"nobody said {number}: {message.attrib}")
        said = self.said[int(number[1:])]
        if message.get("from") != said.device.jid or message.findtext("{jabber:client}body") != said.body:
            if message.find(f"{{{RETRACT}}}retracted") is None:
                raise Broken(f"{said} is not as it was said: {message.attrib}", *said.between())
        return said

    # ---- what devices hear

    def hear(self, device, element):
        """A message that came to a device, but for answers to its questions."""
        message, how = element.xml, "direct"
        if element.name != "message" or take_result(element) or element.find("{http://jabber.org/protocol/pubsub#event}event") is not None:
            return
        for kind in ("sent", "received"):
            inner = message.find(f"{{{CARBONS}}}{kind}/{FORWARDED}/{MESSAGE}")
            if inner is not None:
                if element.get("from") != device.bare:
                    raise Broken(f"{device}: a copy comes from {element.get('from')}", device.user)
                message, how = inner, kind
        said = self.find(message)
        ids = stanza_ids(message, device.bare)
        if len(ids) != (1 if said.archived else 0) or "spoofed" in ids:
            raise Broken(f"{device} hears {said} with the ids {ids}", *said.between())
        sight = Sight(said, ids[0] if ids else None, how, is_late(message) or is_late(element.xml))
        self.note(f"{device.jid} hears {sight}", device.user, *said.between())
        self.count("late" if sight.late else f"heard {how}")
        device.session.hears(sight, self.step)

    # ---- archives

    def read_archive(self, account, reader, limit):
        """Takes in what is new, and what may have changed."""
        targets = {said.target for said in self.said[self.first:] if said.kind == "retraction"}
        changed = (i for i, row in enumerate(account.rows) if row.said in targets)
        keep = account.rows[:min(next(changed, account.start), account.start)]
        after = keep[-1].id if keep else None
        new = [Row(self.find(r.find(f"{FORWARDED}/{MESSAGE}")), account.user, r) for r in results(reader, after, limit)]
        account.take_rows(keep + new)

    def check_archive(self, account):
        """Each message once, those of a device in the order in which they were sent, all that were acknowledged."""
        user = account.user
        due = {said.number: said for said in self.said if said.archived and user in said.between()}
        last = {}
        for row in account.rows:
            said = row.said
            if due.pop(said.number, None) is None:
                raise Broken(f"the archive of {user} has {row} that is not its own, or twice", user, *said.between())
            if last.get(said.line, said).number > said.number:
                raise Broken(f"the archive of {user} has {last[said.line]} before {said}", user, *said.between())
            last[said.line] = said
        for said in due.values():
            raise Broken(f"the archive of {user} misses {said}", user, *said.between())

    def check_tombstones(self, account):
        """Only what was retracted by its sender is gone, and leaves its place."""
        buried = {r.said.target.number: r.said for r in account.rows
                  if r.said.kind == "retraction" and r.said.target.sender == r.said.sender}
        for row in account.rows:
            by = buried.get(row.said.number)
            if row.tombstone is None and by is None:
                continue
            if by is None:
                raise Broken(f"the archive of {account.user} has a tombstone for {row.said}", *row.said.between())
            if row.tombstone is None:
                raise Missing(f"no tombstone for {row} in the archive of {account.user}", *row.said.between())
            whose = {other.said.id for other in account.rows if other.said.kind == "retraction" and
                     other.said.target is row.said}
            if (row.tombstone.get("id") not in whose or not row.tombstone.get("stamp") or
                    [x.tag for x in row.message] != [row.tombstone.tag] or row.message.get("from") != row.said.device.jid):
                raise Broken(f"the tombstone of {row.said} is wrong", *row.said.between())

    # ---- conversation lists

    def talks(self, account):
        """With whom: (unread, the newest row, the newest message), the newest first; by XEP-0430."""
        user, out = account.user, {}
        for other in {row.said.with_whom(user) for row in account.rows}:
            rows = [(i, row) for i, row in enumerate(account.rows) if row.said.with_whom(user) == other]
            seen = self.seen(account, other, rows)
            unread = sum(1 for i, row in rows if i > seen and row.said.sender == other != user and
                         row.said.kind in NEWS and row.tombstone is None)
            news = [row for _, row in rows if row.said.kind in NEWS and row.tombstone is None]
            out[other] = (rows[-1][0], unread, rows[-1][1], news[-1] if news else None)
        return {other: talk[1:] for other, talk in sorted(out.items(), key=lambda t: -t[1][0])}

    def check_talks(self, account, inbox):
        """A conversation list (archive.Inbox) against the archive."""
        wanted = self.talks(account)
        rows = {row.id: row for row in account.rows}
        order = [f"{other}@localhost" for other in wanted]
        if [talk[0] for talk in inbox.talks] != order:
            raise Broken(f"{account.user} has the conversations {inbox.talks}, not {order}", account.user)
        for (_, unread, newest, news), (other, talk) in zip(inbox.talks, wanted.items()):
            got = (unread, rows.get(newest), rows.get(news))
            if got != talk:
                raise Missing(f"{account.user} has with {other} {got}, not {talk}", account.user, other)
        unread = [talk[0] for talk in wanted.values()]
        if inbox.counts != (len(unread), sum(1 for n in unread if n), sum(unread)):
            raise Missing(f"conversations of {account.user} count as {inbox.counts}, not {unread}", account.user)

    def seen(self, account, other, rows):
        """The index of the last row that was read: by a marker, by what was published, or since it was answered."""
        place = {row.said.number: i for i, row in rows}
        seen = [account.place[i] for i in account.published.get(other, ())]
        for i, row in rows:
            said = row.said
            if said.sender == account.user and said.kind in NEWS:
                seen.append(i)
            if said.sender == account.user and said.kind == "marker":
                seen.append(place[said.target.number])
        return max(seen, default=-1)

    # ---- sessions

    def check_session(self, account, session):
        """What a session heard in this era, against the archive."""
        device = session.device
        live = [s for s in session.sights if s.id and not s.late]
        for sight in session.sights:
            self.check_sight(account, session, sight)
        before = {}
        for sight in session.sights:
            first = before.setdefault(sight.id, sight) if sight.id else sight
            if first is not sight and not (sight.late and first.how == "received"):  # a copy that came before it was available
                raise Broken(f"{device} hears {first}, and {sight}", account.user, *sight.said.between())
        end = self.check_order(account, session, live)
        self.check_senders(account, session)
        for after, ids in session.read:
            begin = account.place[after] + 1 if after else 0
            if ids != [row.id for row in account.rows[begin:begin + len(ids)]]:
                raise Broken(f"{device} reads the archive otherwise than it is", account.user)
        if session.base is not None:
            self.check_gaps(account, session, {s.id: s for s in live}, end if session.over else {})

    def flow(self, account, said):
        """What has the same flow comes in the order of the archive: all, but while a device that comes is given what waited,
        copies of what other devices send need not wait behind that."""
        return said.sender == account.user != said.to and self.has_logins(account)

    def has_logins(self, account):
        """Something that waited may have been handed out: to who came anew, or came back after a restart."""
        return self.restarted >= self.first_step or any(s.begin_step >= self.first_step for s in account.sessions)

    def check_order(self, account, session, live):
        """The last place of each flow."""
        at = {}
        for sight in live:
            flow, place = self.flow(account, sight.said), account.place[sight.id]
            if place <= at.get(flow, account.start - 1):
                raise Broken(f"{session.device} hears {sight} after {account.rows[at.get(flow, account.start - 1)]}",
                             account.user, *sight.said.between())
            at[flow] = place
        return at or {None: -1}

    def check_sight(self, account, session, sight):
        said = sight.said
        if sight.id and sight.id not in account.place:
            raise Broken(f"{session.device} hears {sight} by an id that the archive does not have", *said.between())
        if sight.id and account.rows[account.place[sight.id]].said is not said:
            raise Broken(f"{session.device} hears {sight} by the id of {account.rows[account.place[sight.id]]}", *said.between())
        own = said.sender == account.user
        if (sight.how == "sent") != (own and said.to != account.user):
            raise Broken(f"{session.device} hears {sight}", *said.between())

    def check_senders(self, account, session):
        """Of each sender, in its order: states, too, but while a device that comes is given what waited."""
        logins = self.has_logins(account)
        last = {}
        for sight in session.sights:
            if sight.late:
                continue
            line = (*sight.said.line, logins and not sight.id)
            before = last.get(line)
            if before and before.said.number >= sight.said.number:
                raise Broken(f"{session.device} hears {sight} after {before}", account.user, *sight.said.between())
            last[line] = sight

    def check_gaps(self, account, session, heard, end):
        """From its base on it heard all that is for it, up to the ends, and nothing else."""
        for i in range(session.base_place(account) + 1, len(account.rows)):
            row = account.rows[i]
            if end and i > end.get(self.flow(account, row.said), -1):
                continue
            what = self.wants(account, session, row, i)
            if what == "must" and row.id not in heard:
                raise Missing(f"{session.device} does not hear {row}", account.user, *row.said.between())
            if what == "never" and row.id in heard:
                raise Broken(f"{session.device} hears {heard[row.id]}, which is not for it", account.user, *row.said.between())

    def wants(self, account, session, row, place):
        """Whether the session must hear a row, never may, or may (it is not known when copies were turned on)."""
        said, copies = row.said, session.copies_at(account, place)
        if session.toggles and self.has_logins(account):
            copies = None
        by_copies = {True: "must", False: "never", None: "may"}[copies]
        if said.kind == "note" or (said.sender != account.user and said.resource in (None, session.device.name)):
            return "must"
        if said.sender == account.user:
            return "never" if said.device is session.device else by_copies
        addressed = [s for s in account.sessions if s.device.name == said.resource]
        if any(s.id == row.id and not s.late for a in addressed for s in a.sights):
            return by_copies
        return "must" if copies else "may"  # it may have gone to all, as there was no such session

    def check_late(self, account):
        """What comes late was nobody's before, copies aside: in an era in which no session was lost, it comes to one device."""
        if any(s.over and not s.clean for s in account.sessions):
            return
        first = {}
        for session in account.sessions:
            for sight in session.sights:
                if not sight.id or sight.how != "direct":
                    continue
                before = first.setdefault(sight.id, sight)
                if before is not sight and (before.late or sight.late):
                    raise Broken(f"{session.device} hears {sight}, which another did: {before}", *sight.said.between())
                if sight.late and session.early and account.place[sight.id] <= account.place[session.early]:
                    raise Broken(f"{session.device} hears {sight}, which it had read", *sight.said.between())

    def check_missed(self, account):
        """Some device heard each message, or read it in the archive."""
        for session in account.sessions:
            account.got.update(s.id for s in session.sights)
            account.got.update(i for _, ids in session.read for i in ids)
        for row in account.rows[account.start:]:
            if row.said.sender != account.user and row.id not in account.got and row.tombstone is None:
                raise Missing(f"no device of {account.user} hears {row}", *row.said.between())

    def check_states(self, account):
        """The last chat state of each device came to everyone who was there for all the time."""
        last = {}
        for said in self.said[self.first:]:
            if said.kind == "state" and account.user in said.between() and said.acked:
                last[said.device, said.with_whom(account.user)] = said
        for (sender, _), said in last.items():
            for session in account.sessions:
                if session.over or session.base is None or said.step <= session.base_step or sender is session.device:
                    continue
                if sender.user == account.user and not session.always_copies():
                    continue
                self.count("last states")
                if not any(s.said is said for s in session.sights):
                    raise Missing(f"{session.device} does not hear {said}", *said.between())

    # ---- the next era

    def turn(self):
        """All was checked: what follows is checked from here on."""
        self.first, self.first_step = len(self.said), self.step + 1
        for account in self.accounts.values():
            account.start = len(account.rows)
            account.sessions = [s for s in account.sessions if not s.over]
            for session in account.sessions:
                session.turn()
