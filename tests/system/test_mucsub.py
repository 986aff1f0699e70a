#!/usr/bin/env python3
"""MUC/Sub (urn:xmpp:mucsub:0), ejabberd's way to hear of rooms without being in them: a client subscribes, gets events at its
bare address, leaves again; and what it does not get."""
from bongsu import Server, check, run
from bongsu import muc
from bongsu.muc import admin, configure, enter, item, leave, make, say

server = Server()
SERVICE = "conference.localhost"
SUB = "urn:xmpp:mucsub:0"
EVENTS = "{http://jabber.org/protocol/pubsub#event}"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
ALL = ("messages", "subject", "presence", "participants", "affiliations", "config")


def room(name):
    return f"{name}@{SERVICE}"


def users(*names):
    clients = [server.login(name, "dev") for name in names]
    for client in clients:
        client.available()
    return clients


def nodes(*names):
    return "".join(f"<event node='{SUB}:nodes:{n}'/>" for n in names)


def subscribe(client, place, nick, *names, more=""):
    return client.ask("set", f"<subscribe xmlns='{SUB}' nick='{nick}'{more}>{nodes(*names)}</subscribe>", to=place)


def listed(answer):
    """{address or room: (nick, nodes)} of a list of subscriptions."""
    return {s.get("jid"): (s.get("nick"), {e.get("node").rpartition(":")[2] for e in s.iter(f"{{{SUB}}}event")})
            for s in answer.all(f"{{{SUB}}}subscriptions/{{{SUB}}}subscription")}


def event(client, node):
    """The next event of that node: the message, and the stanza in it."""
    got = client.wait(f"node='{SUB}:nodes:{node}'")
    return got, got.find(f"{EVENTS}event/{EVENTS}items/{EVENTS}item")[0]


def events(client, place):
    """The nodes of what has come from the room and was not waited for."""
    client.ask("get", INFO, to=place)
    return [e.find(f"{EVENTS}event/{EVENTS}items").get("node").rpartition(":")[2] for e in client.take()
            if e.find(f"{EVENTS}event/{EVENTS}items") is not None]


def subscription():
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("subscription")
    make(alice, place, "Alice", whois="anyone")
    check("rooms announce it", f"var='{SUB}'" in bob.ask("get", INFO, to=place).raw)
    answer = subscribe(bob, place, "Bobby", "messages", "subject", "other")
    inside = answer.find(f"{{{SUB}}}subscribe")
    check("who subscribes is told to what", answer.get("type") == "result" and inside.get("nick") == "Bobby" and
          len(inside) == 2, answer)
    check("he is a member, with that nick", muc.listed(alice, place, affiliation="member") ==
          [{"affiliation": "member", "jid": bob.bare, "nick": "Bobby"}])
    got = listed(bob.ask("get", f"<subscriptions xmlns='{SUB}'/>", to=SERVICE))
    check("his subscriptions", got == {place: ("Bobby", {"messages", "subject"})}, got)
    got = listed(alice.ask("get", f"<subscriptions xmlns='{SUB}'/>", to=place))
    check("the room's subscribers", got == {bob.bare: ("Bobby", {"messages", "subject"})}, got)
    check("are not for strangers", carol.ask("get", f"<subscriptions xmlns='{SUB}'/>", to=place).condition == "forbidden")
    check("nobody else gets his nick", subscribe(carol, place, "Bobby", "messages").condition == "conflict")
    check("nor without a nick", carol.ask("set", f"<subscribe xmlns='{SUB}'>{nodes('messages')}</subscribe>", to=place).condition
          == "bad-request")
    check("nor to nothing", subscribe(carol, place, "Carol").condition == "bad-request")
    check("nobody subscribes another", subscribe(carol, place, "Dave", "messages", more=" jid='dave@localhost'").condition ==
          "forbidden")
    check("but admins", subscribe(alice, place, "Dave", "messages", more=" jid='dave@localhost'").get("type") == "result")
    check("and end it", alice.ask("set", f"<unsubscribe xmlns='{SUB}' jid='dave@localhost'/>", to=place).get("type") == "result")
    alice.ask("get", INFO, to=place)
    alice.take()
    check("a subscription is changed", subscribe(bob, place, "Bobby", "messages").get("type") == "result" and
          listed(alice.ask("get", f"<subscriptions xmlns='{SUB}'/>", to=place)) == {bob.bare: ("Bobby", {"messages"})})
    check("of which others hear nothing", [e for e in alice.take() if e.name != "iq"] == [])
    server.restart()
    alice, bob = users("alice", "bob")
    enter(alice, place, "Alice")
    say(alice, place, "after the restart", "r1")
    check("it outlives a restart", event(bob, "messages")[1].find("{jabber:client}body").text == "after the restart")
    check("he unsubscribes", bob.ask("set", f"<unsubscribe xmlns='{SUB}'/>", to=place).get("type") == "result")
    check("not twice", bob.ask("set", f"<unsubscribe xmlns='{SUB}'/>", to=place).condition == "item-not-found")
    check("and stays a member", len(muc.listed(alice, place, affiliation="member")) == 2)
    say(alice, place, "unheard", "r2")
    check("who gets no events", events(bob, place) == [] and
          listed(bob.ask("get", f"<subscriptions xmlns='{SUB}'/>", to=SERVICE)) == {})


def hearing():
    alice, bob, carol = users("alice", "bob", "carol")
    phone = server.login("bob", "phone")
    phone.available()
    place = room("hearing")
    make(alice, place, "Alice", whois="anyone")
    subscribe(bob, place, "Bob", *ALL)
    bob.ask("get", INFO, to=place)
    bob.take()
    said = say(alice, place, "hello", "h1")
    for client in (bob, phone):
        outer, inner = event(client, "messages")
        check("what is said reaches each device", outer.get("from") == place and inner.get("from") == f"{place}/Alice" and
              inner.get("type") == "groupchat" and inner.get("id") == "h1" and
              inner.find(muc.STANZA_ID).get("id") == said.find(muc.STANZA_ID).get("id"), outer)
    alice.send(f"<message to='{place}' type='groupchat' id='c'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
    alice.send(f"<message to='{place}' type='groupchat' id='s'><subject>Tea</subject></message>")
    check("a subject", event(bob, "subject")[1].find("{jabber:client}subject").text == "Tea")
    enter(carol, place, "Carol")
    check("who comes", event(bob, "participants")[1].get("from") == f"{place}/Carol")
    alice.send(f"<presence to='{place}/Alice'><show>away</show></presence>")
    check("presence", event(bob, "presence")[1].get("from") == f"{place}/Carol" and
          event(bob, "presence")[1].find("{jabber:client}show").text == "away")
    leave(carol, place, "Carol")
    check("who goes", event(bob, "participants")[1].get("type") == "unavailable")
    configure(alice, place, roomname="Tea")
    check("a new configuration", "code='104'" in event(bob, "config")[0].raw)
    admin(alice, place, {"jid": "eve@localhost", "affiliation": "member"})
    check("a new affiliation", "jid='eve@localhost'" in event(bob, "affiliations")[0].raw)
    phone.close()
    events(bob, place)
    enter(bob, place, "Bob")
    say(alice, place, "you are here", "h2")
    bob.wait("<body>you are here</body>")
    check("who is in the room gets no events", events(bob, place) == [])
    leave(bob, place, "Bob")
    bob.send("<inactive xmlns='urn:xmpp:csi:0'/>")
    bob.sync()
    for i in range(3):
        say(alice, place, f"quiet {i}", f"q{i}")
    heard = [event(bob, "messages")[1].find("{jabber:client}body").text for _ in range(3)]
    check("a quiet phone misses none", heard == ["quiet 0", "quiet 1", "quiet 2"], heard)
    bob.send("<active xmlns='urn:xmpp:csi:0'/><presence type='unavailable'/>")
    bob.sync()
    say(alice, place, "away", "h3")
    events(bob, place)
    bob.available()
    check("what nobody took is in the room's archive, and is not kept twice", events(bob, place) == [])


def rules():
    alice, bob, carol = users("alice", "bob", "carol")
    place, closed = room("rules"), room("closed")
    make(alice, place, "Alice", passwordprotectedroom="1", roomsecret="pw")
    make(alice, closed, "Alice", membersonly="1")
    check("a closed room is for members", subscribe(bob, closed, "Bob", "messages").condition == "registration-required")
    check("one with a password wants it", subscribe(bob, place, "Bob", "messages").condition == "not-authorized")
    check("which may be given", subscribe(bob, place, "Bob", "messages", "affiliations", more=" password='pw'").get("type") ==
          "result")
    admin(alice, place, {"jid": carol.bare, "affiliation": "member"})
    say(alice, place, "secret", "k1")
    check("addresses are not told where they are not seen", events(bob, place) == ["messages"])
    admin(alice, place, {"jid": bob.bare, "affiliation": "outcast"})
    say(alice, place, "banned", "k2")
    check("who is banned hears nothing more", events(bob, place) == [])
    check("and does not come back", subscribe(bob, place, "Bob", "messages", more=" password='pw'").condition == "forbidden")
    configure(alice, place, passwordprotectedroom="0", allowregister="0")
    dave, = users("dave")
    check("registration may be off", subscribe(dave, place, "Dave", "messages").condition == "not-allowed")
    done = server.ctl("subscribe_room", "dave", "localhost", "Dave", "rules", SERVICE, f"{SUB}:nodes:messages")
    check("administrators subscribe, too", done.code == 0, done)
    say(alice, place, "by command", "k3")
    check("to events, if they name them", event(dave, "messages")[1].find("{jabber:client}body").text == "by command")
    done = server.ctl("get_user_subscriptions", "dave", "localhost")
    check("which are listed", f"{place}\tDave\tmember\t{SUB}:nodes:messages" in done.out.splitlines(), done)
    check("a member is one", item(enter(dave, place, "Dave").me)["affiliation"] == "member")


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave", "eve")
    run(subscription, hearing, rules)


try:
    main()
finally:
    server.kill()
