#!/usr/bin/env python3
"""Bookmarks: an item for each room (XEP-0402), one item with all of them, and private XML (XEP-0048), always the same list.

A new client, one that knows the old node and one that knows private XML only change the bookmarks of one account in turn.
Each sees what the others did, is told if it asked for it, and loses nothing that it does not know.
"""
from bongsu import Server, check, run
from bongsu.pep import (INFO, PRIVATE, PUBSUB, befriend, device, event, events, get_items, items, online, publish, pubsub, retract,
                        specific)

NATIVE, OLD = "urn:xmpp:bookmarks:1", "storage:bookmarks"
EXTENSIONS = "<extensions><state xmlns='http://myclient.example/bookmark/state' minimized='true'/></extensions>"


def room(name=None, autojoin=None, nick=None, password=None, ns=NATIVE, jid=None, more=""):
    attributes = "".join(f" {k}='{v}'" for k, v in (("jid", jid), ("name", name), ("autojoin", autojoin)) if v is not None)
    inside = "".join(f"<{k}>{v}</{k}>" for k, v in (("nick", nick), ("password", password)) if v is not None)
    xmlns = f" xmlns='{ns}'" if ns else ""
    return f"<conference{xmlns}{attributes}>{inside}{more}</conference>"


def storage(*rooms, more=""):
    return f"<storage xmlns='{OLD}'>{''.join(rooms)}{more}</storage>"


def old(jid, **what):
    return room(ns=None, jid=jid, **what)


def facts(x, ns):
    """What a list can say of one room."""
    return (x.get("name"), x.get("autojoin") in ("1", "true"), x.findtext(f"{{{ns}}}nick"), x.findtext(f"{{{ns}}}password"))


def native(client):
    return {jid: facts(x, NATIVE) for jid, x in (items(client, NATIVE) or {}).items()}


def of_list(x):
    return {c.get("jid"): facts(c, OLD) for c in x.findall(f"{{{OLD}}}conference")}


def old_node(client):
    found = items(client, OLD)
    return of_list(found["current"]) if found else found


def private(client):
    answer = client.ask("get", f"<query xmlns='jabber:iq:private'><storage xmlns='{OLD}'/></query>")
    return answer.find(f"{{jabber:iq:private}}query/{{{OLD}}}storage")


def set_private(client, x):
    answer = client.ask("set", f"<query xmlns='jabber:iq:private'>{x}</query>")
    assert answer.get("type") == "result", answer


def same(what, client, expected):
    found = (native(client), old_node(client), of_list(private(client)))
    check(what, found == (expected,) * 3, found)


def from_new(alice):
    answer = alice.ask("get", f"<query xmlns='{INFO}'/>", to="alice@localhost")
    check("both views are features", f"{NATIVE}#compat'" in answer.raw and f"{NATIVE}#compat-pep'" in answer.raw, answer)
    check("who has no bookmarks has none in private XML", len(private(alice)) == 0 and old_node(alice) == {})
    answer = publish(alice, NATIVE, room("A &amp; B", "true", "JC", more=EXTENSIONS), "a@rooms.localhost", **PRIVATE)
    check("a room is published", answer.get("type") == "result", answer)
    publish(alice, NATIVE, room(), "b@rooms.localhost")
    publish(alice, NATIVE, room(password="p"), "c@rooms.localhost")
    rooms = {"a@rooms.localhost": ("A & B", True, "JC", None), "b@rooms.localhost": (None, False, None, None),
             "c@rooms.localhost": (None, False, None, "p")}
    same("and seen by all", alice, rooms)
    retract(alice, NATIVE, "c@rooms.localhost")
    del rooms["c@rooms.localhost"]
    same("until it is retracted", alice, rooms)
    return rooms


def from_private(alice, rooms):
    listener = online(alice.server, "alice", "new", NATIVE)
    other = online(alice.server, "alice", "old", OLD)
    set_private(alice, storage(old("a@rooms.localhost", name="A &amp; B", autojoin="1", nick="JC"),
                               old("b@rooms.localhost", name="B"), old("D@rooms.localhost", autojoin="true", nick="n", password="q"),
                               old("b@rooms.localhost", name="twice"), old("@", name="no address"),
                               more="<url name='Page' url='http://127.0.0.1/'/>"))
    rooms["b@rooms.localhost"] = ("B", False, None, None)
    rooms["d@rooms.localhost"] = (None, True, "n", "q")
    same("private XML changes them", alice, rooms)
    told = {event(listener, NATIVE).get("id") for _ in range(2)}
    check("what changed is told", told == {"b@rooms.localhost", "d@rooms.localhost"}, told)
    alice.sync()
    check("and nothing else", NATIVE not in events(listener), events(listener))
    got = event(other, OLD)
    check("who asked for the old list gets all of it", of_list(got[0]) == rooms and got.get("id") == "current", got.attrib)
    check("extensions survive", "minimized='true'" in get_items(alice, NATIVE, "a@rooms.localhost").raw)
    check("pages stay in private XML", private(alice).find(f"{{{OLD}}}url").get("url") == "http://127.0.0.1/")
    set_private(alice, storage(old("a@rooms.localhost", name="A &amp; B", autojoin="1", nick="JC"), old("b@rooms.localhost", name="B")))
    del rooms["d@rooms.localhost"]
    same("what is missing is gone", alice, rooms)
    got = event(listener, NATIVE)
    check("which is told", got.tag.endswith("}retract") and got.get("id") == "d@rooms.localhost", got.attrib)
    set_private(alice, "<a xmlns='test:x'>1</a>" + storage(old("a@rooms.localhost", name="New", nick="JC")))
    rooms = {"a@rooms.localhost": ("New", False, "JC", None)}
    same("other private XML may come with it", alice, rooms)
    check("and is kept", "<a xmlns='test:x'>1</a>" in alice.ask("get", "<query xmlns='jabber:iq:private'><a xmlns='test:x'/></query>").raw)
    set_private(alice, storage(old("a@rooms.localhost", name="New", nick="JC", autojoin="0")))
    publish(alice, NATIVE, room("E"), "e@rooms.localhost")
    told = [event(listener, NATIVE).get("id") for _ in range(3)]
    check("a list that says the same changes nothing", sorted(told) == ["a@rooms.localhost", "b@rooms.localhost", "e@rooms.localhost"], told)
    set_private(alice, storage())
    same("an empty list is empty", alice, {})
    listener.close()
    other.close()


def from_old_node(alice):
    listener = online(alice.server, "alice", "new", NATIVE)
    other = online(alice.server, "alice", "old", OLD)
    answer = publish(other, OLD, storage(old("a@rooms.localhost", name="A", autojoin="true"), old("b@rooms.localhost")), "current",
                     access_model="whitelist", persist_items="true")
    rooms = {"a@rooms.localhost": ("A", True, None, None), "b@rooms.localhost": (None, False, None, None)}
    check("the old node takes a list", answer.get("type") == "result", answer)
    same("which all see", alice, rooms)
    check("the new client is told of each", {event(listener, NATIVE).get("id") for _ in range(2)} == set(rooms))
    check("the old one of all", of_list(event(other, OLD)[0]) == rooms)
    publish(alice, NATIVE, room("C", more=EXTENSIONS), "c@rooms.localhost")
    rooms["c@rooms.localhost"] = ("C", False, None, None)
    got = event(other, OLD)
    check("also when a new client publishes", of_list(got[0]) == rooms)
    answer = publish(other, OLD, storage(old("a@rooms.localhost", name="A"), old("c@rooms.localhost", name="CC")))
    rooms = {"a@rooms.localhost": ("A", False, None, None), "c@rooms.localhost": ("CC", False, None, None)}
    same("a list replaces the list", alice, rooms)
    check("extensions survive there, too", "minimized='true'" in get_items(alice, NATIVE, "c@rooms.localhost").raw)
    answer = publish(other, OLD, storage(), access_model="open")
    check("the old node is private", answer.condition == "conflict" and specific(answer) == "precondition-not-met", answer)
    answer = publish(other, OLD, "<other xmlns='urn:example'/>")
    check("and has bookmarks only", answer.condition == "bad-request" and specific(answer) == "invalid-payload", answer)
    answer = pubsub(alice, "set", f"<delete node='{OLD}'/>", ns=PUBSUB + "#owner")
    check("it cannot be deleted", answer.condition == "item-not-found", answer)
    answer = pubsub(alice, "set", f"<create node='{OLD}'/>")
    check("nor made, since it is there", answer.condition == "conflict", answer)
    same("nothing of that changed anything", alice, rooms)
    listener.close()
    other.close()
    return rooms


def others(server, alice, bob, rooms):
    befriend(server, "alice", "bob")
    check("a contact reads neither", items(bob, NATIVE, to="alice@localhost") is None and items(bob, OLD, to="alice@localhost") is None)
    check("nor writes", publish(bob, OLD, storage(), to="alice@localhost").condition == "forbidden")
    watching = online(server, "bob", "w", NATIVE, OLD, "end")
    publish(alice, NATIVE, room("F"), "f@rooms.localhost")
    publish(alice, "end", "<a xmlns='urn:example'/>", "1")
    event(watching, "end")
    check("nor is told", events(watching) == [], events(watching))
    rooms["f@rooms.localhost"] = ("F", False, None, None)
    watching.close()


def many(server, alice):
    """A whole list at once."""
    listed = {f"r{i}@rooms.localhost": (f"Room {i}", False, None, None) for i in range(300)}
    set_private(alice, storage(*(old(jid, name=f[0]) for jid, f in listed.items())))
    same("three hundred rooms at once", alice, listed)
    check("in their order", list(native(alice)) == list(listed) == list(of_list(private(alice))))
    set_private(alice, storage(*(old(jid, name=f[0]) for jid, f in list(listed.items())[:150])))
    same("and half of them", alice, dict(list(listed.items())[:150]))
    server.restart()
    alice = device(server, "alice", "again")
    same("after a restart, too", alice, dict(list(listed.items())[:150]))


def without():
    """Where personal eventing is off, private XML is as it was."""
    with Server("plain", modules={"pep": False}) as server:
        server.register("zoe")
        zoe = server.login("zoe")
        set_private(zoe, storage(old("a@b", name="A")))
        check("private XML needs nothing else", of_list(private(zoe)) == {"a@b": ("A", False, None, None)})
        answer = zoe.ask("get", f"<query xmlns='{INFO}'/>", to="zoe@localhost")
        check("and nothing else is said to be there", PUBSUB not in answer.raw and "#compat" not in answer.raw
              and "vcard-conversion" not in answer.raw, answer)
        server.stop()


def all_of_it():
    with Server() as server:
        server.register("alice", "bob")
        alice, bob = device(server, "alice", "first"), device(server, "bob", "b")
        alice.server = server
        rooms = from_new(alice)
        from_private(alice, rooms)
        rooms = from_old_node(alice)
        others(server, alice, bob, rooms)
        many(server, alice)
        server.stop()


run(all_of_it, without)
