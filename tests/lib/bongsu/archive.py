"""Archives (XEP-0313) and conversation lists (XEP-0430) as clients ask for them."""
import itertools

from bongsu.client import escape

MAM = "urn:xmpp:mam:2"
NAMES = f"{{{MAM}}}"
INBOX = "urn:xmpp:inbox:1"
RSM = "http://jabber.org/protocol/rsm"
FORWARDED = "{urn:xmpp:forward:0}forwarded"
MESSAGE = "{jabber:client}message"
STAMP = f"{FORWARDED}/{{urn:xmpp:delay}}delay"
numbers = itertools.count(1)
asked = {}  # id: Query, of those that wait for their results


class Query:
    """One page. fields: of the form; limit: max, or None; before, after: cursors ("" is the end)."""

    def __init__(self, fields=None, limit=None, before=None, after=None, flip=False):
        self.id = f"page{next(numbers)}"
        self.fields, self.limit, self.before, self.after, self.flip = fields or {}, limit, before, after, flip
        self.results = []  # <result/> elements
        self.fin = None
        asked[self.id] = self

    def xml(self):
        out = f"<query xmlns='{MAM}' queryid='{self.id}'>"
        if self.fields:
            out += "<x xmlns='jabber:x:data' type='submit'>" + "".join(
                f"<field var='{name}'>" + "".join(f"<value>{escape(v)}</value>" for v in (value if isinstance(value, list) else [value]))
                + "</field>" for name, value in ({"FORM_TYPE": MAM} | self.fields).items()) + "</x>"
        cursors = (("max", self.limit), ("before", self.before), ("after", self.after))
        out += f"<set xmlns='{RSM}'>" + "".join(f"<{name}>{value}</{name}>" for name, value in cursors if value is not None) + "</set>"
        return out + ("<flip-page/>" if self.flip else "") + "</query>"

    def done(self, answer):
        """The iq that ends it."""
        del asked[self.id]
        self.fin = answer.find(f"{NAMES}fin")
        if self.fin is None:
            raise AssertionError(f"{self.xml()}: {answer}")

    def ask(self, client, to=None):
        """Waits for it; for clients that hear nothing else. Returns self."""
        answer = client.ask("set", self.xml(), to=to)
        for element in client.take():
            take_result(element)
        self.done(answer)
        return self

    @property
    def ids(self):
        return [r.get("id") for r in self.results]

    @property
    def complete(self):
        return self.fin.get("complete") == "true"

    @property
    def count(self):
        text = self.fin.findtext(f"{{{RSM}}}set/{{{RSM}}}count")
        return None if text is None else int(text)

    @staticmethod
    def random(rng, rows):
        """One that has an answer in these rows (see Row); about half of them are found."""
        def some():
            return rows[int(rng.random() * len(rows))]

        first, last = sorted(int(rng.random() * len(rows)) for _ in range(2))
        fields = {}
        if rng.random() < 0.5:
            row = some()
            fields["with"] = row.other if rng.random() < 0.6 else row.other.partition("/")[0]
        kind = rng.randrange(5)
        if kind == 0:
            fields |= {"start": rows[first].stamp, "end": rows[last].stamp}
        elif kind == 1:
            fields |= {"after-id": rows[first].id, "before-id": rows[last].id}
        elif kind == 2:
            return Query({"ids": sorted({some().id for _ in range(5)})}, flip=rng.random() < 0.3)
        before, after = rng.choice(((None, None), ("", None), (rows[last].id, None), (None, rows[first].id)))
        return Query(fields, rng.choice((None, 1, 4, 20, 250)), before, after, rng.random() < 0.3)

    def wrong(self, rows):
        """What is wrong with the answer, if these are all rows of the archive; None: nothing."""
        place = {row.id: i for i, row in enumerate(rows)}
        meant = [row for row in rows if self.meant(row, place)]
        if "ids" in self.fields:
            page, complete = meant, True
        else:
            limit = 50 if self.limit is None else self.limit
            page = meant[max(0, len(meant) - limit):] if self.before is not None else meant[:limit]
            complete = len(page) == len(meant)
        ids = [row.id for row in page]
        if self.ids != (ids[::-1] if self.flip else ids):
            return f"{self.ids}, not {ids}"
        if self.complete != complete:
            return f"complete is {self.complete}"
        said = [[r.find(f"{FORWARDED}/{MESSAGE}").get("id"), r.find(STAMP).get("stamp")] for r in self.results]
        wanted = [[row.message.get("id"), row.stamp] for row in page]
        if said != (wanted[::-1] if self.flip else wanted):
            return f"{said}, not {wanted}"
        return None

    def meant(self, row, place):
        fields, here = self.fields, place[row.id]
        if "ids" in fields:
            return row.id in fields["ids"]
        if fields.get("with", row.other) not in (row.other, row.other.partition("/")[0]):
            return False
        if not fields.get("start", "") <= row.stamp <= fields.get("end", "~"):
            return False
        floor = max(place.get(cursor, -1) for cursor in (fields.get("after-id"), self.after))
        ceiling = min(place.get(cursor, len(place)) for cursor in (fields.get("before-id"), self.before))
        return floor < here < ceiling


def take_result(element):
    """Puts a result to its query; False if it is none."""
    result = element.find(f"{NAMES}result")
    if result is None or result.get("queryid") not in asked:
        return False
    asked[result.get("queryid")].results.append(result)
    return True


def results(client, after=None, limit=100, to=None):
    """All <result/> elements after that id, page after page."""
    out = []
    while True:
        query = Query(limit=limit, after=after).ask(client, to)
        out += query.results
        if query.complete:
            return out
        after = query.ids[-1]


class Inbox:
    """The list of conversations, for a client that hears nothing else."""

    def __init__(self, client):
        answer = client.ask("get", f"<inbox xmlns='{INBOX}'/>")
        fin = answer.find(f"{{{INBOX}}}fin")
        self.counts = tuple(int(fin.get(name)) for name in ("total", "unread", "all-unread"))
        self.talks = []  # (with whom, unread, id of the newest row, of the newest message or None)
        for element in client.take():
            entry, result = element.find(f"{{{INBOX}}}entry"), element.find(f"{NAMES}result")
            if entry is not None:
                self.talks.append((entry.get("jid"), int(entry.get("unread")), entry.get("id"),
                                   None if result is None else result.get("id")))
