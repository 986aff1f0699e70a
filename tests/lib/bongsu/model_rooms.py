"""A model of members-only rooms: what was said in them, and what their archives, occupants and members must show of it.

A room's archive says in which order things were said. What a device hears between its entering and its leaving is a piece of
that, without a gap: the same order for all. Who is in, under which nick, is what the devices were told; all must agree.
"""
import xml.etree.ElementTree as ET

from bongsu import muc
from bongsu.archive import FORWARDED, MESSAGE, STAMP, results, take_result
from bongsu.device import Broken, Session
from bongsu.model import MARKERS, RETRACT, Missing, Story

MAY_CHANGE = 60  # rows from the newest on, among which something may be taken back
MODERATE = "urn:xmpp:message-moderate:1"
SID = "{urn:xmpp:sid:0}stanza-id"


class Said:
    """What a device sent to a room. kind: text, correction, subject, retraction, marker, whisper (to a nick)."""

    def __init__(self, number, device, room, kind, target, nick, step):
        self.number, self.device, self.room, self.kind, self.step = number, device, room, kind, step
        self.target = target  # the archive id that it is about
        self.nick = nick  # that it whispers to
        self.id = f"m{number}"
        self.acked = self.refused = self.repeated = False
        self.session = device.session
        self.body = f"{kind} {number}" if kind in ("text", "correction", "whisper") else None

    @property
    def archived(self):
        return self.kind not in ("marker", "whisper")

    def xml(self):
        inside = {
            "correction": lambda: f"<replace xmlns='urn:xmpp:message-correct:0' id='{self.target}'/>",
            "subject": lambda: f"<subject>subject {self.number}</subject>",
            "retraction": lambda: f"<retract xmlns='{RETRACT}' id='{self.target}'/>",
            "marker": lambda: f"<displayed xmlns='{MARKERS}' id='{self.target}'/>",
        }.get(self.kind, str)()
        if self.body:
            inside += f"<body>{self.body}</body>"
        if self.kind == "whisper":
            inside += "<no-store xmlns='urn:xmpp:hints'/>"  # so that conversations are of the room alone
        else:
            inside += f"<origin-id xmlns='urn:xmpp:sid:0' id='{self.id}'/>"
        to, kind = (f"{self.room.jid}/{self.nick}", "chat") if self.nick else (self.room.jid, "groupchat")
        return f"<message to='{to}' type='{kind}' id='{self.id}'>{inside}</message>"

    def __repr__(self):
        return f"{self.id} ({self.kind} of {self.device.user}/{self.device.name} in {self.room.name}" + (
            f" to {self.nick})" if self.nick else ")")


class Row:
    """One message of a room's archive; said is None for what the room itself says: that something was moderated."""

    def __init__(self, said, result):
        self.message = result.find(f"{FORWARDED}/{MESSAGE}")
        self.said = said
        self.id = result.get("id")
        self.stamp = result.find(STAMP).get("stamp")
        self.other = self.message.get("from")
        self.tombstone = self.message.find(f"{{{RETRACT}}}retracted")
        retract = self.message.find(f"{{{RETRACT}}}retract")
        self.takes_back = None if retract is None else retract.get("id")

    @property
    def is_news(self):
        return self.said is not None and self.said.kind == "text" and self.tombstone is None

    def __repr__(self):
        return f"{self.said or 'a moderation'}{' (tombstone)' if self.tombstone is not None else ''}"


class Visit:
    """A device in a room, from its own presence to the end of it."""

    def __init__(self, device, room):
        self.device, self.room, self.session = device, room, device.session
        self.step = 0  # in which it was in
        self.leaving = False
        self.nick = None  # in, under that one
        self.out = False  # it was told that it is not there any more
        self.seen = {}  # nick: (affiliation, role)
        self.history = []  # ids
        self.heard = []  # ids, of this era
        self.begin = None  # the index of the last row that was heard in the era before


    @property
    def over(self):
        return self.out or self.session.over


class Room:
    def __init__(self, name):
        self.name = name
        self.jid = f"{name}@conference.localhost"
        self.rows, self.place = [], {}
        self.start = 0  # rows before that were checked
        self.visits = []  # of this era, those that are over too
        self.members = {}  # user: affiliation
        self.since = {}  # user: rows before that are not news for who became a member then
        self.read = {}  # user: archive ids that were displayed
        self.occupants = {}  # occupant-id: user
        self.nicks = {}  # user: the last nick
        self.by_id = {}  # archive id: Said, as devices heard it

    def take_rows(self, rows):
        self.rows = rows
        self.place = {row.id: i for i, row in enumerate(rows)}

    def __repr__(self):
        return self.name


class Seat(Session):
    """A session, with its visits."""

    def __init__(self, device, managed, short):
        super().__init__(device, managed, short)
        self.visits = {}  # room: Visit
        self.whispers = []  # heard


class Rooms(Story):
    def __init__(self, names):
        super().__init__()
        self.rooms = [Room(name) for name in names]
        self.said = []
        self.first = 0

    def utter(self, device, room, kind, target=None, nick=None):
        said = Said(len(self.said), device, room, kind, target, nick, self.step)
        self.said.append(said)
        self.note(f"{device.jid} says {said}", device.user)
        self.count(kind)
        return said

    def find(self, message):
        number = message.get("id") or ""
        if message.get("from", "").partition("/")[2] == "" and message.find(f"{{{RETRACT}}}retract/{{{MODERATE}}}moderated") is not None:
            return None
        if not number.startswith("m") or not number[1:].isdigit() or int(number[1:]) >= len(self.said):
            raise Broken(f"nobody said {number}: {ET.tostring(message)}")
        said = self.said[int(number[1:])]
        if message.find(f"{{{RETRACT}}}retracted") is None and message.findtext("{jabber:client}body") != said.body:
            raise Broken(f"{said} is not as it was said: {message.attrib}", said.device.user)
        return said

    # ---- what devices hear

    def hear(self, device, element):
        if take_result(element) or "@conference." not in (element.get("from") or ""):
            return
        room = next(r for r in self.rooms if r.jid == element.get("from").partition("/")[0])
        if element.name == "presence":
            self.hear_presence(device, room, element)
        elif element.get("type") == "error":
            self.hear_error(device, element)
        elif element.get("type") == "groupchat":
            self.hear_speech(device, room, element)
        elif element.get("id"):  # else the room tells of a membership
            said = self.find(element.xml)
            if said in device.session.whispers:
                raise Broken(f"{device} hears {said} twice", device.user, said.device.user)
            device.session.whispers.append(said)
            self.count("heard whisper")

    def hear_error(self, device, element):
        said = self.said[int(element.get("id")[1:])]
        if said.repeated:
            return
        said.refused = True
        self.note(f"{device.jid}: {said} is refused: {element.condition}", device.user)
        self.count("refused")
        if said.device is not device and (said.kind != "whisper" or said.device.user != device.user):
            raise Broken(f"{device} is told that {said} was refused", device.user, said.device.user)

    def hear_presence(self, device, room, element):
        visit, codes, nick = device.session.visits.get(room), muc.codes(element), muc.nick(element)
        if element.get("type") == "error":
            self.note(f"{device.jid} may not enter {room}: {element.condition}", device.user)
            self.count("not let in")
            if visit and visit.nick is None:
                self.leaves(device, room)
            return
        if visit is None:
            return  # for its last session
        item = muc.item(element)
        if element.get("type") is None:
            visit.seen[nick] = item["affiliation"], item["role"]
            if 110 in codes:
                self.note(f"{device.jid} is in {room} as {nick}", device.user)
                visit.step = self.step if visit.nick is None else visit.step
                visit.nick = room.nicks[device.user] = nick
        else:
            visit.seen.pop(nick, None)
            if 110 in codes and 303 not in codes:
                self.note(f"{device.jid} is out of {room}: {codes}", device.user)
                self.count(f"out by {next((c for c in codes if c != 110), 'leaving')}")
                self.leaves(device, room)

    def leaves(self, device, room):
        device.session.visits.pop(room).out = True

    def hear_speech(self, device, room, element):
        visit = device.session.visits.get(room)
        if visit is None:
            return  # for its last session
        if visit.nick is None:
            raise Broken(f"{device} is not in {room} and hears {element}", device.user)
        if element.find("c:subject") is not None and element.find("{urn:xmpp:delay}delay") is not None or not element.get("id"):
            return  # the subject, for who enters
        said, sid = self.find(element.xml), element.find(SID)
        self.note(f"{device.jid} hears {said or 'a moderation'} in {room}", device.user)
        self.count("heard")
        if sid is None:
            if said.archived and said.device is not device:
                raise Broken(f"{device} hears {said} without an id", device.user, said.device.user)
            return  # a marker; or its own that it had said before
        self.check_occupant(device, room, element, said)
        if said:
            room.by_id[sid.get("id")] = said
        into = visit.history if is_of_history(room, element) else visit.heard
        into.append(sid.get("id"))

    def check_occupant(self, device, room, element, said):
        occupant = element.find(muc.OCCUPANT_ID)
        if said and room.occupants.setdefault(occupant.get("id"), said.device.user) != said.device.user:
            raise Broken(f"{device} hears {said} with another's occupant-id", device.user, said.device.user)

    # ---- archives

    def read_archive(self, room, reader, limit):
        keep = room.rows[:max(0, room.start - MAY_CHANGE)]
        after = keep[-1].id if keep else None
        room.take_rows(keep + [Row(self.find(r.find(f"{FORWARDED}/{MESSAGE}")), r) for r in results(reader, after, limit, room.jid)])

    def check_archive(self, room):
        """What was acknowledged and not refused is there, once, in the order of its device."""
        due = {said.number: said for said in self.said if said.archived and said.room is room and not said.refused}
        last = {}
        for row in room.rows:
            said = row.said
            if said is None:
                continue
            if due.pop(said.number, None) is None:
                raise Broken(f"the archive of {room} has {row} that was refused, or twice", said.device.user)
            if last.get(said.device, said).number > said.number:
                raise Broken(f"the archive of {room} has {last[said.device]} before {said}", said.device.user)
            last[said.device] = said
        for said in due.values():
            if said.acked and not said.session.over and said.number >= self.first:
                raise Broken(f"the archive of {room} misses {said}", said.device.user)

    def check_tombstones(self, room):
        taken = {}
        for row in room.rows:
            if row.takes_back:
                taken.setdefault(row.takes_back, []).append(row)
        for row in room.rows:
            by = [r for r in taken.get(row.id, ()) if r.said is None or r.said.device.user == row.said.device.user]
            if row.tombstone is None and by:
                raise Missing(f"no tombstone for {row} in {room}", row.said.device.user)
            if row.tombstone is not None and not by:
                raise Broken(f"{room} has a tombstone for {row}", row.said.device.user)
            if row.tombstone is not None and row.message.findtext("{jabber:client}body") is not None:
                raise Broken(f"the tombstone of {row} says what it was", row.said.device.user)

    # ---- conversations

    def unread(self, room, user):
        """What a member has not read: after the last that was displayed, and what the member said later."""
        seen = [room.since.get(user, 0) - 1] + [room.place[i] for i in room.read.get(user, ())]
        seen += [i for i, row in enumerate(room.rows) if row.said and row.said.device.user == user and row.said.kind == "text"]
        return sum(1 for row in room.rows[max(seen) + 1:] if row.is_news and row.said.device.user != user)

    def check_talks(self, user, inbox):
        """Each room of which the user is a member, where something was said: what is unread, and the newest message."""
        got = {}
        for jid, unread, _, newest in inbox.talks:
            if jid in got:
                raise Missing(f"{user} has {jid} twice among the conversations", user)
            got[jid] = unread, newest
        for room in self.rooms:
            news = [row for row in room.rows if row.is_news]
            there, talk = got.get(room.jid), None
            if user in room.members and news:
                talk = self.unread(room, user), news[-1].id
            if there != talk and (talk or there != (0, None)):  # there may have been an invitation
                raise Missing(f"{user} has {there} unread in {room}, not {talk}", user)

    # ---- visits

    def check_visit(self, room, visit):
        """It heard a piece of the archive: to its end, if it is there still."""
        unknown = [i for i in visit.heard + visit.history if i not in room.place]
        if unknown:
            raise Broken(f"{visit.device} hears in {room} by ids that the archive does not have", visit.device.user)
        places = [room.place[i] for i in visit.heard]
        for before, after in zip(places, places[1:]):
            if after != before + 1:
                raise Broken(f"{visit.device} hears in {room} {room.rows[after]} after {room.rows[before]}", visit.device.user)
        if visit.begin is not None and places and places[0] != visit.begin + 1:
            raise Broken(f"{visit.device} hears in {room} {room.rows[places[0]]} first", visit.device.user)
        if visit.history and visit.begin is None:
            self.check_history(room, visit, places[0] if places else len(room.rows))
        end = places[-1] if places else visit.begin
        if not visit.over and visit.nick and end is not None and end != len(room.rows) - 1:
            raise Missing(f"{visit.device} does not hear in {room} {room.rows[end + 1]}", visit.device.user)

    def check_history(self, room, visit, first):
        """What was told on entering are the last messages before what was heard."""
        told = [room.place[i] for i in visit.history]
        if told != sorted(set(told)) or told[-1] >= first:
            raise Broken(f"{visit.device} is told {[room.rows[i] for i in told]} on entering {room}", visit.device.user)
        if visit.over and not visit.heard:
            return
        between = [row for i, row in enumerate(room.rows[:first]) if i > told[0] and i not in told and row.is_news]
        if between:
            raise (Broken if visit.heard else Missing)(f"{visit.device} is not told {between} on entering {room}", visit.device.user)

    def check_views(self, room):
        """All who are there see the same: who is there."""
        here = [v for v in room.visits if not v.over and v.nick]
        nicks = {v.nick for v in here}
        for visit in here:
            if set(visit.seen) != nicks:
                raise Missing(f"{visit.device} sees in {room} {sorted(visit.seen)}, not {sorted(nicks)}", visit.device.user)
            for other in here:
                affiliation = room.members.get(other.device.user, "none")
                if visit.seen[other.nick][0] != affiliation:
                    raise Missing(f"{visit.device} sees {other.nick} as {visit.seen[other.nick]}, not {affiliation}", visit.device.user)

    def check_whispers(self, devices):
        """What was whispered came to all devices of the nick that were there before and after."""
        for said in self.said[self.first:]:
            if said.kind != "whisper" or said.refused or not said.acked or said.session.over:
                continue
            for device in devices:
                visit = device.session.visits.get(said.room)
                if visit and visit.nick == said.nick and visit.step < said.step and said not in device.session.whispers:
                    raise Missing(f"{device} does not hear {said}", device.user, said.device.user)
                self.count("whispers checked", bool(visit and visit.nick == said.nick and visit.step < said.step))

    def turn(self):
        self.first = len(self.said)
        for room in self.rooms:
            room.start = len(room.rows)
            room.visits = [v for v in room.visits if not v.over]
            for visit in room.visits:
                if visit.nick:
                    visit.begin = len(room.rows) - 1
                visit.heard, visit.history = [], []


def is_of_history(room, element):
    return any(x.get("from") == room.jid for x in element.all("{urn:xmpp:delay}delay"))

