#!/usr/bin/env python3
"""RFC 6121 section 4: who is told that somebody is there, changes or goes, and who must not be.

Contacts with each kind of subscription watch a user come, change, and go in every way in which a session can end;
probes are answered with what was broadcast last; directed presence is taken back.
"""
import re

from bongsu import Server, check, run

SUBSCRIPTIONS = ("both", "from", "to", "none")  # as the user's roster has it
MIRROR = {"both": "both", "from": "to", "to": "from", "none": "none"}
DELAY = "{urn:xmpp:delay}delay"
PING = "<ping xmlns='urn:xmpp:ping'/>"
server = Server()


def befriend(one, two, subscription="both"):
    server.ctl("add_rosteritem", one, "localhost", two, "localhost", "", "", subscription)
    server.ctl("add_rosteritem", two, "localhost", one, "localhost", "", "", MIRROR[subscription])


def presences(client, sender=None):
    """What came of presence from that bare or full address (all): the type, and from where."""
    return [(e.get("type") or "available", e.get("from")) for e in client.sync().take() if e.name == "presence" and
            (sender is None or sender in (e.get("from"), e.get("from").partition("/")[0]))]


def passed(sender, *others):
    """What the sender sent has come to the homes of the others."""
    for other in others:
        sender.ask("get", PING, to=other.bare)


def enter(name, resource="r", inside=""):
    client = server.login(name, resource)
    client.available(inside)
    return client


def broadcast():
    """4.2, 4.4, 4.5: come, change, go."""
    server.register("bro-x", *(f"bro-{s}" for s in SUBSCRIPTIONS))
    for subscription in SUBSCRIPTIONS:
        befriend("bro-x", f"bro-{subscription}", subscription)
    watchers = {s: enter(f"bro-{s}") for s in SUBSCRIPTIONS}
    silent = server.login("bro-both", "silent")  # connected, never available
    own = enter("bro-x", "own")
    for watcher in watchers.values():
        passed(watcher, own)
    for client in (*watchers.values(), own):
        client.sync().take()
    x = server.login("bro-x", "x")
    passed(x, *watchers.values())
    check("a resource that is only connected is not seen", not any(presences(w, "bro-x@localhost/x") for w in (
        own, *watchers.values())))
    x.send("<presence id='p1' xml:lang='ko'><show>away</show><status>\ubd09\uc218</status><priority>5</priority>"
           "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>")
    passed(x, *watchers.values())
    for subscription, watcher in watchers.items():
        sees = subscription in ("both", "from")
        came = [e for e in watcher.sync().take() if e.get("from") == x.jid]
        check(f"{subscription}: initial presence is {'seen' if sees else 'not seen'}", len(came) == sees, came)
        if came:
            check(f"{subscription}: with all that it contains", came[0].get("id") == "p1" and
                  came[0].text("c:status") == "\ubd09\uc218" and came[0].text("c:show") == "away" and
                  came[0].find("{http://jabber.org/protocol/caps}c").get("ver") == "v", came[0])
            check(f"{subscription}: at the contact's address", came[0].get("to") in (watcher.bare, watcher.jid), came[0])
    check("the other own resource sees it", presences(own, x.jid) == [("available", x.jid)])
    first = x.sync().take()
    seen = {e.get("from"): e for e in first if e.name == "presence"}
    check("so does the new one itself, and it sees the other own one and the contacts that it may see", set(seen) ==
          {x.jid, own.jid, watchers["both"].jid, watchers["to"].jid}, first)
    check("the contacts' presence tells when it was sent (4.3.2)", all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", seen[w.jid].find(DELAY).get("stamp")) for w in (
            watchers["both"], watchers["to"])), first)
    check("a session without presence sees nothing", not presences(silent))
    x.available("<show>dnd</show>")
    passed(x, *watchers.values())
    for subscription, watcher in watchers.items():
        got = presences(watcher, "bro-x@localhost")
        check(f"{subscription}: a change is seen like the first", len(got) == (subscription in ("both", "from")), got)
    check("a change asks nobody (4.4.2)", not [e for e in x.sync().take() if e.name == "presence"])
    x.send("<presence type='unavailable' id='u'><status>bye</status></presence>")
    passed(x, *watchers.values())
    for subscription, watcher in watchers.items():
        came = [e for e in watcher.sync().take() if e.get("from") == x.jid]
        check(f"{subscription}: the end is seen by those who saw it", [e.get("type") for e in came] ==
              ["unavailable"] * (subscription in ("both", "from")) and all(e.text("c:status") == "bye" for e in came), came)
    own.sync().take()
    x.send("<presence type='unavailable'/>")
    passed(x, *watchers.values())
    check("an end is told once", not any(presences(w, "bro-x@localhost") for w in watchers.values()))
    watchers["both"].available("<show>xa</show>")
    passed(watchers["both"], x)
    check("who is unavailable is told nothing", not presences(x, "bro-both@localhost"))
    for client in (*watchers.values(), own, x, silent):
        client.close()


def ends():
    """However a session ends, everybody who saw it sees its end, once."""
    server.register("end-x", "end-y", "end-z")
    befriend("end-x", "end-y")
    y, z = enter("end-y"), enter("end-z")

    def leave_close(x):
        x.send("</stream:stream>")

    def leave_cut(x):
        x.close()

    def leave_error(x):
        x.send("<broken")
        x.send("<<")

    def leave_kick(_):
        server.ctl("kick_session", "end-x", "localhost", "x", "enough")

    def leave_replaced(x):
        server.login("end-x", "x")
        check("replaced: the older one is told", x.ended() == "conflict")

    for leave in (leave_close, leave_cut, leave_error, leave_kick, leave_replaced):
        what = leave.__name__[6:]
        x = enter("end-x", "x")
        x.send(f"<presence to='{z.jid}'/>")
        for client in (y, z):
            client.wait(f"from='{x.jid}'")
        leave(x)
        for name, client in (("contact", y), ("one who got directed presence", z)):
            got = client.wait(f"from='{x.jid}'")
            check(f"{what}: the {name} sees the end", got.get("type") == "unavailable", got)
        passed(y, z)
        check(f"{what}: once", not presences(y, x.jid) and not presences(z, x.jid))
    x = enter("end-x", "x")
    y.wait(f"from='{x.jid}'")
    y.ask("get", "<query xmlns='jabber:iq:roster'/>")
    server.ctl("unregister", "end-x", "localhost")
    got = [y.wait("from='end-x@localhost") for _ in range(3)]
    check("deleted: the contact sees the end of presence and subscriptions", {e.get("type") for e in got} ==
          {"unavailable", "unsubscribe", "unsubscribed"}, got)
    check("deleted: the contact's roster follows", "subscription='none'" in
          y.ask("get", "<query xmlns='jabber:iq:roster'/>").raw)


def probes():
    """4.3: what is there is told at once, and what is not, with its time."""
    server.register("pro-x", "pro-y", "pro-lost", "pro-z")
    befriend("pro-x", "pro-y")
    server.ctl("add_rosteritem", "pro-x", "localhost", "pro-lost", "localhost", "", "", "to")  # who does not know of it
    server.ctl("add_rosteritem", "pro-x", "localhost", "pro-nobody", "localhost", "", "", "both")
    a, b = enter("pro-y", "a", "<show>chat</show>"), enter("pro-y", "b", "<priority>-1</priority>")
    mute = server.login("pro-y", "mute")
    x = server.login("pro-x", "x")
    x.ask("get", "<query xmlns='jabber:iq:roster'/>")
    x.available()
    seen = {}
    while len(seen) < 2:
        e = x.wait("from='pro-y@")
        seen[e.get("from")] = e
    check("each available resource of the contact is seen", set(seen) == {a.jid, b.jid}, seen)
    check("as it was broadcast", seen[a.jid].text("c:show") == "chat" and seen[b.jid].text("c:priority") == "-1")
    got = x.wait("from='pro-lost@")
    check("who does not let one in says so (4.3.2)", got.get("type") == "unsubscribed", got)
    got = x.wait("from='pro-nobody@")
    check("as who does not exist", got.get("type") == "unsubscribed", got)
    pushed = {i.get("jid"): i.get("subscription") for _ in range(2)
              for i in x.wait(lambda e: e.name == "iq" and e.get("type") == "set").all(".//{jabber:iq:roster}item")}
    check("and the roster follows", pushed == {"pro-lost@localhost": "none", "pro-nobody@localhost": "from"}, pushed)
    x.send("<presence type='probe' to='pro-y@localhost'/><presence type='probe' to='pro-z@localhost'/>"
           "<presence type='probe'/>")
    passed(x, a)
    check("clients cannot probe themselves", not presences(x))
    a.send("<presence type='unavailable'><status>later</status></presence>")
    for client in (a, b, mute):
        client.ends()
    x.send("<presence type='unavailable'/>")
    x.sync().take()
    x.send("<presence/>")
    got = x.wait("from='pro-y@")
    check("who is away is unavailable, since then", got.get("type") == "unavailable" and got.get("from") == "pro-y@localhost"
          and got.find(DELAY) is not None, got)
    x.close()


def directed():
    """4.6: presence for one who is no contact, and that it ends."""
    server.register("dir-x", "dir-y", "dir-friend")
    befriend("dir-x", "dir-friend")
    x, y, y2, friend = server.login("dir-x", "x"), enter("dir-y"), enter("dir-y", "2"), enter("dir-friend")
    for client in (y, y2, friend):
        client.sync().take()
    x.send(f"<presence to='{y.jid}' id='d'><show>chat</show></presence>")
    check("directed presence without initial presence", y.wait("id='d'").text("c:show") == "chat")
    passed(x, y)
    check("only for that resource", not presences(y2))
    x.available()
    check("a broadcast does not go there", not presences(y))
    x.send("<presence to='dir-y@localhost' id='all'/>")
    check("to the bare address: to each available resource", [c.wait("id='all'").get("from") for c in (y, y2)] == [x.jid] * 2)
    x.send("<presence type='unavailable'/>")
    got = [y.wait("type='unavailable'"), y.wait("type='unavailable'"), y2.wait("type='unavailable'")]
    check("the end of the broadcast ends it, for each address that got it", {e.get("from") for e in got} == {x.jid}, got)
    passed(x, y)
    check("once", not presences(y) and not presences(y2))
    x.available()
    x.send(f"<presence to='{y.jid}'/><presence to='{y.jid}' type='unavailable'><status>only you</status></presence>")
    check("directed and taken back", y.wait("type='unavailable'").text("c:status") == "only you")
    friend.sync().take()
    x.send(f"<presence to='{friend.jid}'><show>dnd</show></presence>")
    check("a contact may get another presence", friend.wait("dnd").get("from") == x.jid)
    x.ends()
    passed(y, friend)
    got = presences(y, x.jid)
    check("what was taken back does not end again", got == [("available", x.jid)], got)
    check("a contact's end comes once", presences(friend, x.jid) == [("unavailable", x.jid)])
    x = enter("dir-x", "x")
    x.send(f"<presence to='{y.jid}'/>")
    y.wait(f"from='{x.jid}'")
    y.send(f"<presence to='{x.jid}' type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
           "</error></presence>")
    check("an error is told to who sent it", x.wait("type='error'").condition == "gone")
    x.ends()
    passed(y, friend)
    check("and the one who did not take it is not told of the end", not presences(y, x.jid))
    x = enter("dir-x", "x")
    x.send(f"<presence to='{y.bare}' type='unavailable'/>")
    check("unavailable without having been there passes", y.wait(f"from='{x.jid}'").get("type") == "unavailable")
    x.send("".join(f"<presence to='s{n}@localhost'/>" for n in range(2000)))
    refused = [e for e in x.sync().take() if e.condition == "policy-violation"]
    check("the list is bounded", 0 < len(refused) < 2000, len(refused))


def values():
    """4.7.2: what presence may say."""
    server.register("val-x", "val-y")
    befriend("val-x", "val-y")
    x, y = server.login("val-x", "x"), enter("val-y")
    passed(y, x)  # and so the answer to the probe is here
    y.sync().take()
    bad = ["<show>busy</show>", "<show/>", "<show>away</show><show>xa</show>", "<priority>128</priority>",
           "<priority>-129</priority>", "<priority>x</priority>", "<priority/>", "<priority>1</priority><priority>2</priority>"]
    for inside in bad:
        x.send(f"<presence id='bad'>{inside}</presence>")
        answer = x.wait("id='bad'")
        check(f"{inside} is refused", answer.condition == "bad-request" and answer.get("type") == "error", answer)
    got = presences(y)
    check("nobody saw any of it", not got, got)
    for inside in ("<show>away</show>", "<show>chat</show>", "<show>dnd</show>", "<show>xa</show>", "<priority>127</priority>",
                   "<priority>-128</priority>", "<priority> 5 </priority>", "<show>xa</show><status>a</status>"
                   "<status xml:lang='ko'>\ubd09\uc218</status><priority>0</priority>"):
        x.send(f"<presence id='good'>{inside}</presence>")
        check(f"{inside} is broadcast", y.wait("id='good'").get("from") == x.jid)
    x.send("<presence type='strange' id='strange'/>")
    check("an unknown type is refused", x.wait("id='strange'").condition == "bad-request")
    x.send("<presence to='val-y@nowhere.example' id='far'/>")
    check("to another server", x.wait("id='far'").condition == "remote-server-not-found")


def storm():
    """Many contacts, on both workers, come and go: each sees each, and everybody's end."""
    names = [f"sto-{n}" for n in range(8)]
    server.register(*names)
    for i, one in enumerate(names):
        for two in names[i + 1:]:
            befriend(one, two)
    clients = [enter(name) for name in names]
    for client in clients:
        passed(client, *clients)
    for client in clients:
        seen = {f for kind, f in presences(client) if kind == "available"}
        check(f"{client.jid} sees all others", seen >= {c.jid for c in clients if c is not client}, seen)
    for client in clients[1:]:
        client.close()
    gone = {clients[0].wait("type='unavailable'").get("from") for _ in clients[1:]}
    check("the last one sees all ends", gone == {c.jid for c in clients[1:]}, gone)


def all_parts():
    with server:
        for part in (broadcast, ends, probes, directed, values, storm):
            print(f"---- {part.__name__}")
            part()


run(all_parts)
