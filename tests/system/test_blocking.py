#!/usr/bin/env python3
"""XEP-0191: who is blocked is not heard, does not see, and is told no more than he must be."""
from bongsu import Server, check, run

NS = "urn:xmpp:blocking"
PING = "<ping xmlns='urn:xmpp:ping'/>"
LIST = f"<blocklist xmlns='{NS}'/>"
server = Server(modules={"blocking": {"max": 5}})


def change(kind, *jids):
    return f"<{kind} xmlns='{NS}'>" + "".join(f"<item jid='{jid}'/>" for jid in jids) + f"</{kind}>"


def listed(client):
    return {i.get("jid") for i in client.ask("get", LIST).all(f"{{{NS}}}blocklist/{{{NS}}}item")}


def pushes(client):
    """What the client was pushed: kind and addresses."""
    return [(e.xml[0].tag.partition("}")[2], [i.get("jid") for i in e.xml[0]]) for e in client.sync().take()
            if e.name == "iq" and e.get("type") == "set" and NS in e.raw]


def passed(sender, *others):
    for other in others:
        sender.ask("get", PING, to=other.bare)


def enter(name, resource="r"):
    client = server.login(name, resource)
    client.available()
    return client


def befriend(one, two):
    for a, b in ((one, two), (two, one)):
        server.ctl("add_rosteritem", a, "localhost", b, "localhost", "", "", "both")


def the_list():
    server.register("li-x")
    x, other, deaf = (server.login("li-x", name) for name in ("x", "other", "deaf"))
    info = x.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
    check("it is announced", f"var='{NS}'" in info.raw)
    check("an empty list", x.ask("get", LIST).find(f"{{{NS}}}blocklist") is not None and not listed(other))
    x.send(f"<iq type='set' id='b'>{change('block', 'A@b', 'c@d/R')}</iq>")
    check("blocking is answered", x.wait("id='b'").get("type") == "result")
    for name, one in (("x", x), ("other", other)):
        check(f"{name} is pushed what was blocked", pushes(one) == [("block", ["a@b", "c@d/R"])])
    check("a session that never asked is not", not pushes(deaf))
    check("the list has it, prepared", listed(x) == {"a@b", "c@d/R"})
    check("again changes nothing", x.ask("set", change("block", "a@b")).get("type") == "result" and
          listed(x) == {"a@b", "c@d/R"})
    for kind, payload, condition in (
            ("nobody", change("block"), "bad-request"), ("no address", f"<block xmlns='{NS}'><item/></block>", "bad-request"),
            ("something else", f"<block xmlns='{NS}'><a/></block>", "bad-request"),
            ("no address at all", change("block", "@"), "jid-malformed"), ("oneself", change("block", "li-x@localhost"),
                                                                            "not-allowed"),
            ("one's own session", change("block", "li-x@localhost/other"), "not-allowed"),
            ("one's own server", change("block", "localhost"), "not-allowed"),
            ("too many", change("block", *(f"n{n}@b" for n in range(4))), "resource-constraint"),
            ("one bad among good", change("block", "good@b", "@"), "jid-malformed")):
        answer = x.ask("set", payload)
        check(f"blocking {kind}: {condition}", answer.condition == condition, answer)
    check("none of that counts", listed(x) == {"a@b", "c@d/R"})
    for one in (x, other):
        one.sync().take()
    check("one is unblocked", x.ask("set", change("unblock", "a@b")).get("type") == "result")
    check("which is pushed", [pushes(one) for one in (x, other)] == [[("unblock", ["a@b"])]] * 2)
    check("unblocking who is not blocked does no harm", x.ask("set", change("unblock", "z@z")).get("type") == "result")
    x.ask("set", change("block", "e@f"))
    server.restart()
    x = server.login("li-x")
    check("the list outlives a restart", listed(x) == {"c@d/R", "e@f"})
    x.ask("set", change("unblock"))
    check("all are unblocked", not listed(x) and ("unblock", []) in pushes(x))
    check("nobody else reads it", server.login("li-x").ask("get", LIST, to="other@localhost").condition ==
          "service-unavailable")


def stanzas(name):
    """What the blocked one may try, and what he gets back."""
    to = f"{name}@localhost"
    for kind, answer in (("normal", "service-unavailable"), ("chat", "service-unavailable"),
                         ("headline", "service-unavailable"), ("groupchat", None), ("error", None)):
        yield f"<message to='{to}' type='{kind}' id='t'><body>1</body></message>", answer
        yield f"<message to='{to}/r' type='{kind}' id='t'><body>1</body></message>", answer
    for kind, answer in (("get", "service-unavailable"), ("set", "service-unavailable"), ("result", None), ("error", None)):
        inside = "<q xmlns='urn:q'/>" if kind in ("get", "set") else ""
        yield f"<iq to='{to}/r' type='{kind}' id='t'>{inside}</iq>", answer
        yield f"<iq to='{to}' type='{kind}' id='t'>{inside}</iq>", answer
    yield f"<iq to='{to}' type='get' id='t'><query xmlns='jabber:iq:last'/></iq>", "service-unavailable"
    yield f"<iq to='{to}' type='get' id='t'><vCard xmlns='vcard-temp'/></iq>", "service-unavailable"
    for kind in ("", "type='unavailable'", "type='subscribe'", "type='subscribed'", "type='unsubscribe'",
                 "type='unsubscribed'", "type='error'"):
        yield f"<presence to='{to}' {kind} id='t'/>", None
        yield f"<presence to='{to}/r' {kind} id='t'/>", None


def inbound():
    server.register("in-x", "in-y")
    x, y = enter("in-x"), enter("in-y", "y")
    x.ask("set", change("block", "in-y@localhost"))
    y.ask("get", "<query xmlns='jabber:iq:roster'/>")
    for one in (x, y):
        one.sync().take()
    for stanza, condition in stanzas("in-x"):
        y.send(stanza)
        passed(y, x)
        got = [e for e in y.sync().take() if e.get("id") == "t" and e.get("from") != y.jid]
        check(f"{stanza}: {condition or 'no answer'}", [e.condition for e in got] == [condition] * bool(condition), got)
        check(f"{stanza}: not shown", not [e for e in x.sync().take() if e.get("id") == "t"])
    y.ends()
    x.ends()
    y = enter("in-y", "y")
    y.send("<message to='in-x@localhost' type='chat' id='t'><body>1</body></message>")
    check("nor is it kept for later", y.wait("id='t'").condition == "service-unavailable")
    x = enter("in-x")
    check("not at the next login", not [e for e in x.sync().take() if e.name == "message" or e.get("type") == "subscribe"])


def matching():
    """user@domain/resource, user@domain, domain: which of two sessions is meant by an entry."""
    server.register("ma-x", "ma-y")
    x, one, two = enter("ma-x"), enter("ma-y", "one"), enter("ma-y", "two")
    for entry, blocked in (("ma-y@localhost/one", {"one"}), ("ma-y@localhost", {"one", "two"}), ("ma-z@localhost", set()),
                           ("ma-y@localhost/three", set()), ("MA-Y@LOCALHOST", {"one", "two"})):
        x.ask("set", change("block", entry))
        got = set()
        for name, client in (("one", one), ("two", two)):
            client.send("<message to='ma-x@localhost' id='m'><body>1</body></message>")
            passed(client, x)
            got |= {name} if any(e.condition for e in client.sync().take() if e.get("id") == "m") else set()
        check(f"{entry} blocks {sorted(blocked) or 'nobody'}", got == blocked, got)
        x.ask("set", change("unblock"))
    x.ask("set", change("block", "example.org"))
    x.send("<message to='a@example.org' id='d'/>")
    check("a domain stands for all at it", x.wait("id='d'").condition == "not-acceptable")
    x.send("<message to='a@other.example' id='o'/>")
    check("and for no other", x.wait("id='o'").condition == "remote-server-not-found")


def outbound():
    server.register("ou-x", "ou-y")
    x, y = enter("ou-x"), enter("ou-y")
    x.ask("set", change("block", "ou-y@localhost"))
    y.sync().take()
    for stanza in ("<message to='ou-y@localhost' id='t'><body>1</body></message>", "<message to='ou-y@localhost/r' id='t'/>",
                   "<iq to='ou-y@localhost/r' type='get' id='t'><q xmlns='urn:q'/></iq>",
                   "<iq to='ou-y@localhost' type='set' id='t'><q xmlns='urn:q'/></iq>",
                   "<presence to='ou-y@localhost' id='t'/>", "<presence to='ou-y@localhost' type='subscribe' id='t'/>"):
        x.send(stanza)
        answer = x.wait("id='t'")
        check(f"{stanza} is refused", answer.condition == "not-acceptable" and answer.get("from").startswith("ou-y@") and
              answer.find("c:error/{urn:xmpp:blocking:errors}blocked") is not None, answer)
    for stanza in ("<message to='ou-y@localhost' type='error' id='e'/>", "<iq to='ou-y@localhost/r' type='result' id='e'/>"):
        x.send(stanza)
        check(f"{stanza} ends without an answer", not [e for e in x.sync().take() if e.get("id") == "e"])
    passed(y, x)
    check("nothing arrived", not [e for e in y.sync().take() if e.get("from") and e.get("from").startswith("ou-x@") and
                                  not e.condition])
    x.send("<presence to='ou-y@localhost' type='unavailable' id='bye'/>")
    check("but one may always leave", y.wait("id='bye'").get("type") == "unavailable")
    x.ask("set", change("unblock", "ou-y@localhost"))
    x.send("<message to='ou-y@localhost' id='again'><body>1</body></message>")
    check("unblocked: it arrives", y.wait("id='again'").get("from") == x.jid)
    y.send("<message to='ou-x@localhost' id='back'><body>1</body></message>")
    check("unblocked: and comes", x.wait("id='back'").get("from") == y.jid)


def presence():
    server.register("pr-x", "pr-friend", "pr-stranger", "pr-no")
    befriend("pr-x", "pr-friend")
    x, x2 = enter("pr-x", "x"), enter("pr-x", "x2")
    friend, stranger, no = enter("pr-friend"), enter("pr-stranger"), enter("pr-no")
    x.send(f"<presence to='{stranger.jid}'/>")
    stranger.wait(f"from='{x.jid}'")
    for one in (friend, no):
        passed(one, x)
        one.sync().take()
    x.sync().take()
    x.ask("set", change("block", friend.bare, stranger.bare, no.bare))
    ends = {friend.wait("type='unavailable'").get("from") for _ in range(2)}
    check("a blocked contact sees each session go", ends == {x.jid, x2.jid}, ends)
    check("as one who got directed presence", stranger.wait("type='unavailable'").get("from") == x.jid)
    no.sync()
    check("who never saw it is told nothing", not [e for e in no.take() if e.name == "presence"])
    x.available("<show>away</show>")
    friend.available("<show>xa</show>")
    for one in (friend, x):
        one.sync()
    check("then nobody sees the other change", not [e for e in friend.take() if e.get("from") == x.jid] and
          not [e for e in x.sync().take() if e.get("from") == friend.jid])
    again = enter("pr-friend", "again")
    again.sync()
    check("a new session of the blocked one learns nothing", not [e for e in again.take() if "pr-x@" in (e.get("from") or "")])
    again.ends()
    check("the own other session still sees it", x2.wait("away").get("from") == x.jid)
    x.ask("set", change("unblock", friend.bare, stranger.bare))
    seen = {friend.wait("from='pr-x@").get("from") for _ in range(2)}
    check("unblocked: the contact sees each session again", seen == {x.jid, x2.jid}, seen)
    stranger.sync()
    check("the stranger does not", not [e for e in stranger.take() if e.name == "presence" and e.get("from") == x.jid])
    x.ends()
    check("and the end is seen", friend.wait(f"from='{x.jid}'").get("type") == "unavailable")


def all_parts():
    with server:
        for part in (the_list, inbound, matching, outbound, presence):
            print(f"---- {part.__name__}")
            part()


run(all_parts)
