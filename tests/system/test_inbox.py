#!/usr/bin/env python3
"""XEP-0430: the list of conversations, and what of them is unread on any device.

timeout: 240
"""
import time

from bongsu import Server, check, escape, muc, run
from bongsu.checks import WAIT

INBOX = "urn:xmpp:inbox:1"
NAMES = "{urn:xmpp:inbox:1}"
RSM = "{http://jabber.org/protocol/rsm}"
RESULT = "{urn:xmpp:mam:2}result"
BODY = "{urn:xmpp:forward:0}forwarded/{jabber:client}message/{jabber:client}body"
SID = "{urn:xmpp:sid:0}stanza-id"
MARKERS = "urn:xmpp:chat-markers:0"
server = Server()


class Inbox:
    """The answer to one question."""

    def __init__(self, client, more="", rsm=""):
        self.answer = client.ask("get", f"<inbox xmlns='{INBOX}'{more}>"
                                 + (f"<set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set>" if rsm else "") + "</inbox>")
        came = client.take()
        entries = [e for e in came if e.find(f"{NAMES}entry") is not None]
        client.came.extend(e for e in came if e not in entries)
        self.order = [e.find(f"{NAMES}entry").get("jid") for e in entries]
        self.unread = {e.find(f"{NAMES}entry").get("jid"): int(e.find(f"{NAMES}entry").get("unread")) for e in entries}
        self.ids = {e.find(f"{NAMES}entry").get("jid"): e.find(f"{NAMES}entry").get("id") for e in entries}
        self.bodies = [e.text(f"{RESULT}/{BODY}") for e in entries]
        fin = self.answer.find(f"{NAMES}fin")
        self.counts = None if fin is None else tuple(int(fin.get(n)) for n in ("total", "unread", "all-unread"))
        self.last = None if fin is None else fin.findtext(f"{RSM}set/{RSM}last")
        self.first = None if fin is None else fin.findtext(f"{RSM}set/{RSM}first")

    def holds(self, what, unread, counts=None):
        got = [(jid, self.unread[jid]) for jid in self.order]
        return check(what, got == unread and (counts is None or counts == self.counts), f"{got} {self.counts} {self.answer}")


def say(client, to, body, more="", kind="chat"):
    number = f"m{next(client.ids)}-{client.jid.partition('@')[0]}"
    client.send(f"<message to='{escape(to)}' type='{kind}' id='{number}'>"
                + (f"<body>{body}</body>" if body else "") + more + "</message>")
    return number


def displayed(client, to, number, kind="chat"):
    say(client, to, "", f"<displayed xmlns='{MARKERS}' id='{number}'/>", kind)


def two_devices():
    alice, phone, desk = server.login("alice"), server.login("bob", "phone"), server.login("bob", "desk")
    Inbox(phone).holds("nothing was said yet", [], (0, 0, 0))
    numbers = [say(alice, "bob@localhost", f"n{i}") for i in range(5)]
    carol = server.login("carol")
    say(carol, "bob@localhost", "Hello")
    carol.sync()
    alice.sync()
    settle(phone, lambda b: b.unread == {"alice@localhost": 5, "carol@localhost": 1}, "all has arrived")
    phone_box = Inbox(phone)
    check("both conversations", sorted(phone_box.unread.items()) == [("alice@localhost", 5), ("carol@localhost", 1)], phone_box.unread)
    check("are counted", phone_box.counts == (2, 2, 6), phone_box.counts)
    check("with the newest messages", sorted(phone_box.bodies) == ["Hello", "n4"], phone_box.bodies)
    displayed(phone, "alice@localhost", numbers[2])
    settle(desk, lambda b: b.unread["alice@localhost"] == 2, "a partial read counts on the other device")
    displayed(desk, "alice@localhost", numbers[0])
    desk.sync()
    check("an older marker takes nothing back", Inbox(phone).unread["alice@localhost"] == 2)
    say(alice, "bob@localhost", "", f"<retract xmlns='urn:xmpp:message-retract:1' id='{numbers[4]}'/><store xmlns='urn:xmpp:hints'/>")
    alice.sync()
    settle(phone, lambda b: b.unread.get("alice@localhost") == 1, "what was retracted is not unread")
    say(phone, "carol@localhost", "Hi")
    settle(phone, lambda b: b.unread["carol@localhost"] == 0, "an answer is written down")
    box = Inbox(phone)
    check("an answer shows that all before it was read", box.unread["carol@localhost"] == 0, box.unread)
    check("and comes first", box.order[0] == "carol@localhost", box.order)
    only = Inbox(phone, " unread-only='true'")
    only.holds("only what is unread", [("alice@localhost", 1)], (2, 1, 1))
    bare = Inbox(phone, " messages='false'")
    check("without messages", bare.bodies == [None, None] and bare.order == box.order, bare.bodies)
    say(alice, "bob@localhost", "", "<received xmlns='urn:xmpp:receipts' id='x'/>")
    alice.sync()
    check("a receipt is no news", Inbox(phone).unread["alice@localhost"] == 1)
    server.kill()
    server.start()
    again = Inbox(server.login("bob", "phone"))
    check("all is the same after kill -9", (again.unread, again.counts) == (box.unread, (2, 1, 1)), (again.unread, again.counts))


def answers():
    """What is read by answginag stays read, also if the answer is retracted; notes to oneself are a conversation."""
    alice, gina = server.login("alice"), server.login("gina", "phone")
    say(alice, "gina@localhost", "one")
    settle(gina, lambda b: b.unread == {"alice@localhost": 1}, "it has arrived")
    number = say(gina, "alice@localhost", "answer")
    settle(gina, lambda b: b.unread == {"alice@localhost": 0}, "an answer reads")
    say(gina, "alice@localhost", "", f"<retract xmlns='urn:xmpp:message-retract:1' id='{number}'/>")
    settle(gina, lambda b: b.bodies == ["one"], "the answer is retracted")
    Inbox(gina).holds("and what it read stays read", [("alice@localhost", 0)])
    number = say(alice, "gina@localhost", "two", "<origin-id xmlns='urn:xmpp:sid:0' id='of its own'/>")
    settle(gina, lambda b: b.unread == {"alice@localhost": 1}, "another has arrived")
    displayed(gina, "alice@localhost", number)
    settle(gina, lambda b: b.unread == {"alice@localhost": 0}, "a marker has the message's id, whatever its origin-id is")
    number = say(alice, "gina@localhost", "three")
    settle(gina, lambda b: b.unread == {"alice@localhost": 1}, "one more has arrived")
    say(gina, "alice@localhost", "", f"<acknowledged xmlns='{MARKERS}' id='{number}'/>")
    settle(gina, lambda b: b.unread == {"alice@localhost": 0}, "what is acknowledged is read, too")
    say(gina, "gina@localhost", "a note")
    box = Inbox(gina)
    box.holds("a note to oneself is a conversation", [("gina@localhost", 0), ("alice@localhost", 0)])
    check("and is shown in it", box.bodies == ["a note", "three"], box.bodies)


def settle(client, holds, what):
    """What was sent arrives later, and what a marker or retraction changes is written after it was accepted: asks until it is there."""
    until = time.monotonic() + WAIT
    while not holds(box := Inbox(client)) and time.monotonic() < until:
        pass
    check(what, holds(box), (box.unread, box.counts))


def published():
    alice, dave = server.login("alice"), server.login("dave", "phone")
    dave.available()
    numbers = [say(alice, "dave@localhost", f"n{i}") for i in range(3)]
    ids = [dave.wait(lambda e, n=n: e.get("id") == n).find(SID).get("id") for n in numbers]
    settle(dave, lambda b: b.unread == {"alice@localhost": 3}, "three are unread")
    carol = server.login("carol")
    early = say(carol, "dave@localhost", "early")
    foreign = dave.wait(lambda e: e.get("id") == early).find(SID).get("id")
    numbers.append(say(alice, "dave@localhost", "n3"))
    ids.append(dave.wait(lambda e: e.get("id") == numbers[3]).find(SID).get("id"))

    def publish(chat, place):
        dave.ask("set", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:xmpp:mds:displayed:0'>"
                 f"<item id='{chat}'><displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' "
                 f"by='dave@localhost' id='{place}'/></displayed></item></publish></pubsub>")
    publish("carol@localhost", ids[3])  # later than all of hers, but not hers
    publish("alice@localhost", foreign)
    publish("alice@localhost", ids[1])
    settle(dave, lambda b: b.unread == {"alice@localhost": 2, "carol@localhost": 1}, "what was published as displayed is read (XEP-0490)")
    publish("alice@localhost", ids[0])
    publish("carol@localhost", foreign)
    settle(dave, lambda b: b.unread == {"alice@localhost": 2, "carol@localhost": 0}, "what was read before stays so")


def pages():
    erin = server.login("erin")
    for i in range(7):
        say(erin, f"user{i}@localhost", f"to {i}")
        erin.sync()
    newest = [f"user{i}@localhost" for i in range(6, -1, -1)]
    first = Inbox(erin, rsm="<max>3</max>")
    check("the first page", first.order == newest[:3] and first.counts == (7, 0, 0), first.answer)
    second = Inbox(erin, rsm=f"<max>3</max><after>{first.last}</after>")
    check("the second", second.order == newest[3:6], second.answer)
    check("the last", Inbox(erin, rsm=f"<max>3</max><after>{second.last}</after>").order == newest[6:])
    check("backwards", Inbox(erin, rsm=f"<max>3</max><before>{second.first}</before>").order == newest[:3])
    check("the end", Inbox(erin, rsm="<max>2</max><before/>").order == newest[5:])
    none = Inbox(erin, rsm="<max>0</max>")
    check("only counts", none.order == [] and none.counts == (7, 0, 0), none.answer)
    wrong = erin.ask("get", f"<inbox xmlns='{INBOX}'><set xmlns='http://jabber.org/protocol/rsm'><after>nonsense</after></set></inbox>")
    check("an unknown item", wrong.condition == "item-not-found", wrong)
    foreign = erin.ask("get", f"<inbox xmlns='{INBOX}'/>", to="alice@localhost")
    check("of nobody else", foreign.get("type") == "error", foreign)


def rooms():
    owner, member = server.login("frank"), server.login("grace", "phone")
    room = "team@conference.localhost"
    muc.enter(owner, room, "Frank")
    owner.ask("set", f"<query xmlns='{muc.OWNER}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
              f"<value>{muc.MUC}#roomconfig</value></field><field var='muc#roomconfig_membersonly'><value>1</value></field>"
              "</x></query>", to=room)
    said = say(owner, room, "before", kind="groupchat")
    owner.wait(lambda e: e.get("id") == said)
    owner.ask("set", f"<query xmlns='{muc.ADMIN}'><item jid='grace@localhost' affiliation='member'/></query>", to=room)
    numbers = [say(owner, room, f"r{i}", kind="groupchat") for i in range(4)]
    ids = [owner.wait(lambda e, n=n: e.get("id") == n).find(SID).get("id") for n in numbers]
    box = Inbox(member)
    check("a member who was never in the room hears of it", box.unread == {room: 4} and box.bodies == ["r3"], (box.unread, box.bodies))
    check("under the room's id", box.ids[room] == ids[3], box.ids)
    check("the owner wrote it all", Inbox(owner).unread == {room: 0})
    muc.enter(member, room, "Grace")
    displayed(member, room, ids[2], "groupchat")
    settle(member, lambda b: b.unread == {room: 1}, "a marker in the room counts")
    own = say(member, room, "mine", kind="groupchat")
    member.wait(lambda e: e.get("id") == own)
    check("what one says shows that one has read", Inbox(member).unread == {room: 0})
    server.restart()
    member, owner = server.login("grace", "phone"), server.login("frank")
    muc.enter(owner, room, "Frank")
    said = say(owner, room, "news", kind="groupchat")
    owner.wait(lambda e: e.get("id") == said)
    check("after a restart, from the room alone", Inbox(member).unread == {room: 1})
    muc.enter(member, room, "Grace")
    say(owner, f"{room}/Grace", "psst")
    member.wait("<body>psst</body>")
    box = Inbox(member)
    check("what was whispered in a room counts with what was said there", box.order == [room] and box.unread == {room: 2} and
          box.bodies == ["psst"] and box.counts == (1, 1, 2), (box.unread, box.bodies, box.counts))
    said = say(owner, room, "later", kind="groupchat")
    number = member.wait(lambda e: e.get("id") == said).find(SID).get("id")
    box = Inbox(member)
    check("and the newest of both is shown", box.unread == {room: 3} and box.bodies == ["later"], (box.unread, box.bodies))
    displayed(member, room, number, "groupchat")
    settle(member, lambda b: b.unread == {room: 0}, "both are read together")


def flood(user, count):
    """As if so many more had come right after the last message, by copies of its row. The server does not run."""
    number, = server.sql(f"SELECT number FROM home_number WHERE owner = '{user}@localhost'")[0]
    last = f"owner = {number} AND id = (SELECT * FROM (SELECT MAX(id) FROM archive WHERE owner = {number}) AS last)"
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    columns = "owner, id, peer, flags, reference, dictionary, stanza"
    prepare = "" if "sqlite" in server.options["store"] else f"SET SESSION max_recursive_iterations = {count + 1}; "
    server.sql(f"{prepare}INSERT INTO archive ({columns}) {numbers} SELECT owner, id + i, peer, flags, i * 4, dictionary,"
               f" stanza FROM archive, n WHERE {last}")


def cost(alice, hank, count=50):
    """Processor time of the storage thread for so many messages with their markers."""
    begin = server.cpu("store")
    for _ in range(count):
        number = say(alice, "hank@localhost", "x")
        hank.wait(lambda e, n=number: e.get("id") == n)
        displayed(hank, "alice@localhost", number)
        alice.wait(f"<displayed [^>]*{number}")
    settle(hank, lambda b: b.unread == {"alice@localhost": 0}, "all of it is read")
    return server.cpu("store") - begin


def long():
    """A long conversation: what is far back is found, and what is new costs what it does in a short one."""
    def both():
        clients = server.login("alice"), server.login("hank")
        for client in clients:
            client.ask("set", "<query xmlns='urn:xmpp:mam:2'/>")  # so that nothing is handed out
            client.take()
            client.available()
        return clients
    alice, hank = both()
    usual = cost(alice, hank)
    early = say(alice, "hank@localhost", "early")
    hank.wait("<body>early")
    server.stop()
    flood("hank", 15000)
    server.start()
    alice, hank = both()
    Inbox(hank).holds("much is unread", [("alice@localhost", 15001)])
    displayed(hank, "alice@localhost", early)
    settle(hank, lambda b: b.unread == {"alice@localhost": 15000}, "a marker for what is far back counts")
    last = say(alice, "hank@localhost", "last")
    hank.wait("<body>last")
    displayed(hank, "alice@localhost", last)
    settle(hank, lambda b: b.unread == {"alice@localhost": 0}, "so does one for the last")
    later = cost(alice, hank)
    if "sqlite" in server.options["store"]:
        check("markers cost what they did before", later < 3 * usual + 0.05, (usual, later))


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave", "erin", "frank", "grace", "gina", "hank")
    try:
        run(two_devices, answers, published, pages, rooms, long)
    finally:
        server.kill()


main()
