#!/usr/bin/env python3
"""XEP-0313: what is archived on both sides, how it is asked for, and that it is there after kill -9.

timeout: 240
"""
import re
import time
import xml.etree.ElementTree as ET

from bongsu import Server, check, escape, run, wait_for

MAM = "urn:xmpp:mam:2"
NAMES = "{urn:xmpp:mam:2}"
RSM = "{http://jabber.org/protocol/rsm}"
FORWARD = "{urn:xmpp:forward:0}"
SID = "{urn:xmpp:sid:0}"
server = Server()


class Page:
    """The answer to a query: results in order, fin."""

    def __init__(self, client, fields=None, rsm="", more="", to=None, queryid="f27"):
        values = {"FORM_TYPE": MAM} | (fields or {})
        form = "".join(f"<field var='{var}'>" + "".join(f"<value>{escape(v)}</value>" for v in (value if isinstance(value, list)
                                                                                               else [value])) + "</field>"
                       for var, value in values.items())
        self.answer = client.ask("set", f"<query xmlns='{MAM}' queryid='{queryid}'><x xmlns='jabber:x:data' type='submit'>{form}"
                                 f"</x><set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set>{more}</query>", to=to)
        came = client.take()
        self.results = [e.find(f"{NAMES}result") for e in came if e.find(f"{NAMES}result") is not None]
        client.came.extend(e for e in came if e.find(f"{NAMES}result") is None)
        if any(r.get("queryid") != queryid for r in self.results):
            check("a result is of the query", False, self.results)
        self.ids = [r.get("id") for r in self.results]
        self.bodies = [r.findtext(f"{FORWARD}forwarded/{{jabber:client}}message/{{jabber:client}}body") for r in self.results]
        self.messages = [r.find(f"{FORWARD}forwarded/{{jabber:client}}message") for r in self.results]
        self.stamps = [r.find(f"{FORWARD}forwarded/{{urn:xmpp:delay}}delay").get("stamp") for r in self.results]
        fin = self.answer.find(f"{NAMES}fin")
        self.complete = fin is not None and fin.get("complete") == "true"
        self.first, self.last, self.count = ((None,) * 3 if fin is None else
                                             (fin.findtext(f"{RSM}set/{RSM}{n}") for n in ("first", "last", "count")))

    def holds(self, what, bodies, complete=None):
        ok = self.bodies == bodies and (complete is None or self.complete == complete)
        if self.results and ok:
            ok = {self.first, self.last} == {self.ids[0], self.ids[-1]}
        return check(what, ok, f"{self.bodies}, complete {self.complete}: {self.answer}")


def say(client, to, body, more="", kind="chat", number=None):
    number = number or f"m{next(client.ids)}"
    client.send(f"<message to='{to}' type='{kind}' id='{number}'>" + (f"<body>{body}</body>" if body else "") + more + "</message>")
    return number


def present(user, resource="desk"):
    """A client that is available."""
    client = server.login(user, resource)
    client.available()
    return client


def heard(client, number):
    return client.wait(lambda e: e.name == "message" and e.get("id") == number)


def both_sides():
    alice, bob = server.login("alice", "phone"), present("bob")
    number = say(alice, "bob@localhost", "Hello", "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>"
                 "<stanza-id xmlns='urn:xmpp:sid:0' by='bob@localhost' id='spoofed'/>"
                 "<stanza-id xmlns='urn:xmpp:sid:0' by='Alice@localhost' id='of herself'/>"
                 "<stanza-id xmlns='urn:xmpp:sid:0' by='room@else.example' id='theirs'/>")
    message = heard(bob, number)
    ids = {e.get("by"): e.get("id") for e in message.all(f"{SID}stanza-id")}
    check("the copy has bob's id, not alice's, nor a spoofed one",
          set(ids) == {"bob@localhost", "room@else.example"} and ids["bob@localhost"] != "spoofed", message)
    page = Page(bob)
    page.holds("bob has it", ["Hello"], True)
    check("by the id that was told", page.ids == [ids["bob@localhost"]], page.answer)
    check("with its addresses", page.messages[0].get("from") == alice.jid and page.messages[0].get("to") == "bob@localhost",
          page.answer)
    mine = Page(alice)
    mine.holds("alice has it", ["Hello"], True)
    check("with another id", mine.ids != page.ids, mine.ids)
    check("not the one that her client made up", "of herself" not in mine.messages[0].findall(f"{SID}stanza-id")[0].get("id") and
          [e.get("by") for e in mine.messages[0].findall(f"{SID}stanza-id")] == ["bob@localhost", "room@else.example"],
          ET.tostring(mine.messages[0]))
    check("the whole archive is counted when it is one page", mine.count == "1", mine.answer)
    say(bob, alice.jid, "Hi")
    alice.wait("<body>Hi</body>")
    Page(alice).holds("an answer follows", ["Hello", "Hi"], True)
    server.kill()
    server.start()
    alice, bob = server.login("alice", "phone"), server.login("bob", "desk")
    Page(alice).holds("alice has both after kill -9", ["Hello", "Hi"], True)
    again = Page(bob)
    again.holds("bob has both after kill -9", ["Hello", "Hi"], True)
    check("under the same ids", again.ids[0] == page.ids[0], again.ids)


def pages():
    alice, bob = server.login("paul", "phone"), present("quinn")
    numbers = [say(alice, "quinn@localhost" if i % 2 else "rose@localhost", f"n{i}") for i in range(24)]
    heard(bob, numbers[23])
    alice.sync()
    everything = [f"n{i}" for i in range(24)]
    whole = Page(alice)
    whole.holds("all in order", everything, True)
    check("times grow", whole.stamps == sorted(whole.stamps), whole.stamps)
    first = Page(alice, rsm="<max>10</max>")
    first.holds("a first page", everything[:10], False)
    check("is not counted", first.count is None, first.answer)
    Page(alice, rsm=f"<max>10</max><after>{first.last}</after>").holds("the next", everything[10:20], False)
    Page(alice, rsm=f"<max>10</max><after>{whole.ids[19]}</after>").holds("the last", everything[20:], True)
    Page(alice, rsm=f"<max>10</max><after>{whole.ids[23]}</after>").holds("nothing behind it", [], True)
    last = Page(alice, rsm="<max>10</max><before/>")
    last.holds("the last page", everything[14:], False)
    Page(alice, rsm=f"<max>10</max><before>{last.first}</before>").holds("the page before", everything[4:14], False)
    Page(alice, rsm=f"<max>10</max><before>{whole.ids[4]}</before>").holds("the first, backwards", everything[:4], True)
    Page(alice, rsm="<max>4</max><before/>", more=f"<flip-page xmlns='{MAM}'/>").holds("flipped", everything[:19:-1], False)
    flipped = Page(alice, rsm="<max>4</max>", more=f"<flip-page xmlns='{MAM}'/>")
    check("first and last stay", (flipped.first, flipped.last) == (whole.ids[0], whole.ids[3]), flipped.answer)
    Page(alice, {"with": "quinn@localhost"}).holds("with one", everything[1::2], True)
    Page(alice, {"with": "rose@localhost"}, rsm="<max>3</max><before/>").holds("with the other, backwards", ["n18", "n20", "n22"])
    Page(alice, {"with": "quinn@localhost/desk"}).holds("with a full address", [], True)
    Page(bob, {"with": alice.jid}).holds("with the sender's full address", everything[1::2], True)
    Page(bob, {"with": "paul@localhost/other"}).holds("with another of his", [], True)
    Page(alice, {"with": "nobody@localhost"}).holds("with nobody", [], True)
    Page(alice, {"start": whole.stamps[5], "end": whole.stamps[5]}).holds(
        "within a millisecond", [b for b, s in zip(everything, whole.stamps) if s == whole.stamps[5]], True)
    Page(alice, {"start": "2100-01-01T00:00:00Z"}).holds("in the future", [], True)
    Page(alice, {"end": "2000-01-01T00:00:00Z"}).holds("in the past", [], True)
    Page(alice, {"after-id": whole.ids[3], "before-id": whole.ids[6]}).holds("between ids", everything[4:6], True)
    Page(alice, {"ids": [whole.ids[7], whole.ids[2]]}).holds("by ids", ["n2", "n7"], True)
    ids = [whole.ids[i] for i in (7, 2, 7, 9, 4)]
    Page(alice, {"ids": ids}).holds("one id twice is one message", ["n2", "n4", "n7", "n9"], True)
    Page(alice, {"ids": ids}, rsm="<max>3</max>").holds("a page of ids", ["n2", "n4", "n7"], False)
    Page(alice, {"ids": ids}, rsm=f"<max>3</max><after>{whole.ids[7]}</after>").holds("the next", ["n9"], True)
    Page(alice, {"ids": ids}, rsm="<max>3</max><before/>").holds("the last", ["n4", "n7", "n9"], False)
    Page(alice, {"ids": ids}, rsm="<max>2</max><before/>", more=f"<flip-page xmlns='{MAM}'/>").holds("flipped", ["n9", "n7"], False)
    check("ids are counted", Page(alice, {"ids": ids}, rsm="<max>0</max>").count == "4")
    Page(alice, {"ids": ids, "with": "quinn@localhost"}).holds("by ids, with one", ["n7", "n9"], True)
    Page(alice, {"ids": ids, "after-id": whole.ids[2], "before-id": whole.ids[9]}).holds("by ids, between", ["n4", "n7"], True)
    Page(alice, {"ids": ids, "end": "2000-01-01T00:00:00Z"}).holds("by ids, in the past", [], True)
    none = Page(alice, rsm="<max>0</max>")
    none.holds("a page of nothing", [])
    check("is counted", none.count == "24", none.answer)
    check("also with one", Page(alice, {"with": "quinn@localhost"}, rsm="<max>0</max>").count == "12")
    metadata = alice.ask("get", f"<metadata xmlns='{MAM}'/>")
    check("metadata", [(e.get("id"), e.get("timestamp")) for e in metadata.find(f"{NAMES}metadata")] ==
          [(whole.ids[0], whole.stamps[0]), (whole.ids[23], whole.stamps[23])], metadata)
    empty = server.login("erin").ask("get", f"<metadata xmlns='{MAM}'/>")
    check("metadata of nothing", len(empty.find(f"{NAMES}metadata")) == 0, empty)
    say(server.login("paul", "other"), "quinn@localhost", "of the other", number="other")
    heard(bob, "other")
    Page(bob, {"with": alice.jid}, rsm="<max>12</max>").holds("a page is the last, although others of him follow", everything[1::2], True)


def refusals():
    alice, bob = server.login("paul"), server.login("quinn")
    foreign = Page(bob).ids[0]

    def fails(what, condition, *question, **more):
        answer = Page(alice, *question, **more).answer
        check(f"{what}: {condition}", answer.condition == condition, answer)

    for name in ("after", "before"):
        fails(f"an unknown id in {name}", "item-not-found", rsm=f"<{name}>nonsense</{name}>")
        fails(f"an id of another archive in {name}", "item-not-found", rsm=f"<{name}>{foreign}</{name}>")
        fails(f"an id of another archive in {name}-id", "item-not-found", {f"{name}-id": foreign})
    fails("an id of another archive in ids", "item-not-found", {"ids": [foreign]})
    fails("a wrong time", "bad-request", {"start": "yesterday"})
    fails("a wrong address", "bad-request", {"with": "@"})
    fails("an unknown field", "feature-not-implemented", {"fulltext": "x"})
    fails("another form", "bad-request", {"FORM_TYPE": "urn:example"})
    fails("a wrong number", "bad-request", rsm="<max>-1</max>")
    fails("an index", "feature-not-implemented", rsm="<max>1</max><index>3</index>")
    answers = [re.sub("quinn|nobody|id='[^']*'", "", Page(alice, to=f"{name}@localhost").answer.raw) for name in ("quinn", "nobody")]
    check("another's archive looks like nobody's", answers[0] == answers[1] and "<forbidden " in answers[0], answers)
    for what in ("metadata", "prefs", "query"):
        answer = alice.ask("get", f"<{what} xmlns='{MAM}'/>", to="quinn@localhost")
        check(f"so do {what}", answer.condition == "forbidden", answer)
    form = alice.ask("get", f"<query xmlns='{MAM}'/>")
    check("the form", [f.get("var") for f in form.all(".//{jabber:x:data}field")] ==
          ["FORM_TYPE", "with", "start", "end", "before-id", "after-id", "ids"], form)
    info = alice.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=alice.bare)
    for feature in (MAM, f"{MAM}#extended", "urn:xmpp:sid:0", "urn:xmpp:message-retract:1", "urn:xmpp:message-retract:1#tombstone"):
        check(f"accounts announce {feature}", f"'{feature}'" in info.raw, info)


KEPT = {
    "a body": "<body>kept</body>",
    "an encrypted one": "<encrypted xmlns='eu.siacs.conversations.axolotl'/><encryption xmlns='urn:xmpp:eme:0' namespace='x'/>",
    "a receipt": "<received xmlns='urn:xmpp:receipts' id='1'/>",
    "a marker": "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
    "a reaction": "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>",
    "a correction": "<body>new</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>",
    "a hint": "<x xmlns='urn:example'/><store xmlns='urn:xmpp:hints'/>",
    "an invitation": "<x xmlns='jabber:x:conference' jid='room@rooms.localhost'/>",
}
LOST = {
    "a chat state": "<active xmlns='http://jabber.org/protocol/chatstates'/>",
    "a hint not to": "<body>x</body><no-store xmlns='urn:xmpp:hints'/>",
    "a hint not to for long": "<body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/>",
    "what nobody knows": "<x xmlns='urn:example'/>",
}


def contents():
    carol, dave = server.login("carol"), present("dave")
    for what, payload in (LOST | KEPT).items():
        heard(dave, say(carol, "dave@localhost", "", payload, number=what.replace(" ", "-")))
    for kind in ("headline", "normal"):
        heard(dave, say(carol, "dave@localhost", kind, kind=kind))
    say(carol, dave.jid, "groupchat", kind="groupchat")
    carol.send(f"<message to='{dave.jid}' type='error' id='e'><body>x</body><error type='cancel'/></message>")
    heard(dave, "e")
    expected = [what.replace(" ", "-") for what in KEPT]
    for who, page in (("sender", Page(carol)), ("recipient", Page(dave))):
        check(f"the {who} has what is to be kept and nothing else", [m.get("id") for m in page.messages][:-1] == expected and
              page.bodies[-1] == "normal", [m.get("id") for m in page.messages])
    number = say(carol, "carol@localhost", "a note")
    wait_for("a message to oneself arrives", lambda: Page(carol, {"with": "carol@localhost"}).bodies)
    Page(carol, {"with": "carol@localhost"}).holds("a message to oneself is there once", ["a note"])
    carol.sync()
    page = Page(carol, rsm="<max>3</max><before/>")
    check("also in the whole", [m.get("id") for m in page.messages].count(number) == 1, page.answer)
    for i in range(10):
        say(carol, "carol@localhost", f"note {i}")
        page = Page(carol, rsm="<max>1</max><before/>")
        check("whoever asks at once has the note already", page.bodies == [f"note {i}"], page.bodies)


def retractions():
    carol, dave = server.login("frank"), present("grace")
    secret = say(carol, "grace@localhost", "secret", "<origin-id xmlns='urn:xmpp:sid:0' id='other'/>")
    plain = say(carol, "grace@localhost", "plain", number="p1")
    kept = say(dave, "frank@localhost", "of grace", number="g1")
    heard(dave, plain)

    def retract(client, to, number):
        say(client, to, "", f"<retract xmlns='urn:xmpp:message-retract:1' id='{number}'/>", number=f"r-{number}")

    retract(carol, "grace@localhost", plain)
    retract(carol, "grace@localhost", f"r-{plain}")
    retract(carol, "grace@localhost", secret)
    retract(carol, "grace@localhost", kept)  # not hers
    heard(dave, f"r-{kept}")
    until = time.monotonic() + 30
    for client in (carol, dave):
        while True:
            page = Page(client)
            if page.bodies.count(None) >= 6 or time.monotonic() > until:
                break
        check("what was retracted is gone, on both sides", "secret" not in page.bodies and "plain" not in page.bodies and
              "of grace" in page.bodies, page.bodies)
        stones = [m for m in page.messages if m.find("{urn:xmpp:message-retract:1}retracted") is not None]
        check("tombstones are in their places", [(s.get("id"), s.get("type"), s[0].get("id")) for s in stones] ==
              [(secret, "chat", f"r-{secret}"), (plain, "chat", f"r-{plain}")] and all(len(s) == 1 and s[0].get("stamp")
                                                                                      for s in stones), page.messages)
        check("retractions stay", [m.get("id") for m in page.messages if m.find("{urn:xmpp:message-retract:1}retract") is not None] ==
              [f"r-{n}" for n in (plain, f"r-{plain}", secret, kept)], page.messages)


def preferences():
    heidi, ivan = server.login("heidi"), present("ivan")

    def prefs(default, always="", never=""):
        return f"<prefs xmlns='{MAM}' default='{default}'><always>{always}</always><never>{never}</never></prefs>"

    def told(text):
        heard(ivan, say(heidi, ivan.jid, text))
        return Page(heidi).bodies[-1:] == [text]

    answer = heidi.ask("get", f"<prefs xmlns='{MAM}'/>")
    check("everything is archived at first", answer.find(f"{NAMES}prefs").get("default") == "always", answer)
    check("it is", told("one"))
    answer = heidi.ask("set", prefs("never"))
    check("never is taken", answer.find(f"{NAMES}prefs").get("default") == "never", answer)
    check("and kept to", not told("two"))
    server.kill()
    server.start()
    heidi, ivan = server.login("heidi"), present("ivan")
    check("also after kill -9", not told("three"))
    heidi.ask("set", prefs("never", always="<jid>ivan@localhost</jid>"))
    check("but for him", told("four"))
    heidi.ask("set", prefs("always", never="<jid>ivan@localhost/desk</jid>"))
    check("not for that device of his", not told("five"))
    heidi.ask("set", prefs("roster"))
    check("not for strangers", not told("six"))
    heidi.ask("set", "<query xmlns='jabber:iq:roster'><item jid='ivan@localhost'/></query>")
    check("for contacts", told("seven"))
    Page(ivan).holds("his are his own", ["one", "two", "three", "four", "five", "six", "seven"])
    for what, wrong in (("default", prefs("sometimes")), ("address", prefs("always", "<jid>@</jid>"))):
        check(f"a wrong {what} is refused", heidi.ask("set", wrong).get("type") == "error")


def large():
    """A page of much text is cut, and a client that reads slowly gets all of it."""
    judy, kim = server.login("judy"), present("kim")
    text = "x" * 90000
    for i in range(12):
        heard(kim, say(judy, "kim@localhost", f"{i} {text}"))
    bodies, rsm = [], "<max>250</max>"
    for _ in range(12):
        page = Page(kim, rsm=rsm)
        bodies += page.bodies
        rsm = f"<max>250</max><after>{page.last}</after>"
        if page.complete:
            break
    check("all pages together are all", [b.split()[0] for b in bodies] == [str(i) for i in range(12)], len(bodies))
    for i in range(20):
        kim.send(f"<iq type='set' id='many{i}'><query xmlns='{MAM}'><set xmlns='http://jabber.org/protocol/rsm'><before/></set>"
                 "</query></iq>")
    time.sleep(0.5)  # it does not read meanwhile
    for i in range(20):
        kim.wait(f"id='many{i}'")
    check("a client that asks much and reads late is not cut off", True)


def deletion():
    lea = server.login("lea")
    say(lea, "bob@localhost", "soon gone")
    Page(lea).holds("it is archived", ["soon gone"])
    check("the account is deleted", server.ctl("unregister", "lea", "localhost").code == 0)
    server.register("lea")
    Page(server.login("lea")).holds("its archive is gone with it", [], True)


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim", "lea", "paul",
                    "quinn", "rose")
    try:
        run(both_sides, pages, refusals, contents, retractions, preferences, large, deletion, lambda: server.stop())
    finally:
        server.kill()


main()
