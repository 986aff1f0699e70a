#!/usr/bin/env python3
"""XEP-0280: a user with a phone, a laptop and a tablet sees both sides of every conversation on each of them.

Which messages are copied, to whom, how the copies look, and what is never copied; and that a session keeps its wish
over a resumption (XEP-0198).
"""
from bongsu import Server, check, run
from bongsu.sm import ack, enable, resume

NS = "urn:xmpp:carbons:2"
INNER = f"{{{NS}}}%s/{{urn:xmpp:forward:0}}forwarded/c:message"
server = Server()
phone = laptop = tablet = bob = None


def carbons(client, what="enable"):
    return client.ask("set", f"<{what} xmlns='{NS}'/>").get("type") == "result"


def login():
    global phone, laptop, tablet, bob  # pylint: disable=global-statement
    server.start()
    server.register("alice", "bob")
    phone, laptop, tablet = (server.login("alice", name) for name in ("phone", "laptop", "tablet"))
    bob = server.login("bob", "r")
    for client in (phone, laptop, tablet, bob):
        client.available("<priority>5</priority>" if client is phone else "")
    check("phone and laptop ask for copies", carbons(phone) and carbons(laptop))
    check("asking again changes nothing", carbons(phone))
    quiet()


def quiet():
    """Everything under way has arrived; what came is dropped."""
    for client in (bob, phone, laptop, tablet):
        client.sync()
        client.take()


def got(client, how="received"):
    """The next copy: wrapper and inner message."""
    wrapper = client.wait(lambda e: e.name == "message" and e.find(INNER % how) is not None)
    return wrapper, wrapper.find(INNER % how)


def messages(client):
    client.sync()
    return [e for e in client.take() if e.name == "message"]


def none(what, *clients):
    for client in (bob, phone, laptop, tablet):
        client.sync()
    check(what, not any(messages(client) for client in clients or (laptop,)))


def same_ids():
    """XEP-0359: the id of a message in the archive is that in every copy of it."""
    sid, mam = "{urn:xmpp:sid:0}stanza-id", "{urn:xmpp:mam:2}result"
    quiet()
    phone.send("<message to='bob@localhost' type='chat' id='same'><body>one</body></message>")
    _, sent = got(laptop, "sent")
    bob.wait("<body>one</body>")
    bob.send(f"<message to='{phone.jid}' type='chat' id='same2'><body>two</body></message>")
    live = phone.wait("<body>two</body>")
    _, received = got(laptop)
    quiet()
    answer = tablet.ask("set", "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' "
                        "type='hidden'><value>urn:xmpp:mam:2</value></field><field var='with'><value>bob@localhost</value></field>"
                        "</x><set xmlns='http://jabber.org/protocol/rsm'><max>2</max><before/></set></query>")
    kept = [e.find(mam).get("id") for e in tablet.take() if e.find(mam) is not None]
    ids = [[(s.get("by"), s.get("id")) for s in m.findall(sid)] for m in (sent, live.xml, received)]
    own = [[("alice@localhost", number)] for number in (kept[0], kept[1], kept[1])]
    check("sent and received copies have the archive's id, and no other", len(kept) == 2 and ids == own, (ids, kept, answer))


def discovery():
    for to in ("localhost", "alice@localhost"):
        info = phone.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=to)
        features = [f.get("var") for f in info.all(".//{http://jabber.org/protocol/disco#info}feature")]
        check(f"{to} says so", NS in features and "urn:xmpp:carbons:rules:0" in features, features)
    check("others cannot be asked to", phone.ask("set", f"<enable xmlns='{NS}'/>", to=bob.bare).condition ==
          "service-unavailable")


def received():
    bob.send(f"<message to='{tablet.jid}' type='chat' id='r1' xml:lang='de'><body>a &amp; b</body><thread>t</thread></message>")
    tablet.wait("id='r1'")
    for client in (phone, laptop):
        wrapper, inner = got(client)
        check("the copy is from the own account to the session", (wrapper.get("from"), wrapper.get("to")) ==
              ("alice@localhost", client.jid), wrapper)
        check("of the same type", wrapper.get("type") == "chat", wrapper)
        check("around the original", (inner.get("from"), inner.get("to"), inner.get("id"), inner.get("type")) ==
              (bob.jid, tablet.jid, "r1", "chat") and inner.findtext("{jabber:client}body") == "a & b", wrapper)
        check("with its language", inner.get("{http://www.w3.org/XML/1998/namespace}lang") == "de", wrapper)
    quiet()
    bob.send(f"<message to='{phone.jid}' type='chat' id='r2'><body>x</body></message>")
    got(laptop)
    check("who got the original gets no copy", ["r2"] == [e.get("id") for e in messages(phone)])
    none("who did not ask gets none", tablet)
    bob.send("<message to='alice@localhost' type='chat' id='r3'><body>x</body></message>")
    for client in (phone, laptop, tablet):
        check("to the bare JID each device gets the original", client.wait("<message").get("id") == "r3")
    none("and no copy", phone, laptop, tablet)


def priorities():
    """A device that does not take what is sent to the account gets copies all the same."""
    laptop.available("<priority>-1</priority>")
    quiet()
    bob.send("<message to='alice@localhost' type='chat' id='p1'><body>x</body></message>")
    phone.wait("id='p1'")
    check("a negative priority gets a copy", got(laptop)[1].get("id") == "p1")
    for client in (phone, tablet):
        client.send("<presence type='unavailable'/>")
    quiet()
    bob.send("<message to='alice@localhost' type='chat' id='p2'><body>x</body></message>")
    check("also when nobody takes it", got(laptop)[1].get("id") == "p2")
    check("and without presence", got(phone)[1].get("id") == "p2")
    quiet()
    tablet.available()
    check("then it waits for who does", tablet.wait("id='p2'").find("{urn:xmpp:delay}delay") is not None)
    none("and is not copied again", phone, laptop)
    for client in (phone, laptop):
        client.available()
    quiet()


def sent():
    tablet.send("<message to='bob@localhost' type='chat' id='s1'><body>x</body></message>")
    bob.wait("id='s1'")
    for client in (phone, laptop):
        wrapper, inner = got(client, "sent")
        check("what one device sends the others get", (wrapper.get("from"), wrapper.get("to"), wrapper.get("type")) ==
              ("alice@localhost", client.jid, "chat"), wrapper)
        check("as it was sent", (inner.get("from"), inner.get("to"), inner.get("id")) == (tablet.jid, "bob@localhost", "s1"))
    none("the sender gets none, nor the recipient", tablet, bob)
    phone.send("<message to='bob@localhost' type='chat' id='s2'><body>x</body></message>")
    got(laptop, "sent")
    none("also if it asked for copies", phone, tablet)
    phone.send("<message to='alice@localhost' type='chat' id='self'><body>x</body></message>")
    for client in (laptop, tablet, phone):
        client.wait("id='self'")
    none("what one sends to oneself comes once", phone, laptop, tablet)
    phone.send(f"<message to='{tablet.jid}' type='chat' id='own'><body>x</body></message>")
    tablet.wait("id='own'")
    check("to another own device: the third gets a copy", got(laptop)[1].get("id") == "own")
    none("only one, and the sender none", phone, laptop)


BODY = "<body>x</body>"
CASES = [  # type, payload, is it copied
    ("chat", BODY, True),
    ("chat", "", True),
    ("normal", BODY, True),
    (None, BODY, True),
    ("normal", "<x xmlns='other'/>", False),
    ("normal", "<received xmlns='urn:xmpp:receipts' id='1'/>", True),
    ("normal", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", True),
    ("normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", True),
    ("normal", "<x xmlns='jabber:x:conference' jid='room@conference.example'/>", True),
    ("normal", "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b.example'/></x>", True),
    ("headline", BODY, False),
    ("groupchat", BODY, False),
    ("chat", BODY + f"<private xmlns='{NS}'/>", False),
    ("chat", BODY + "<no-copy xmlns='urn:xmpp:hints'/>", False),
]


def rules():
    for kind, payload, copied in CASES:
        attribute = f" type='{kind}'" if kind else ""
        quiet()
        bob.send(f"<message to='{tablet.jid}'{attribute} id='rule'>{payload}</message>")
        tablet.wait("id='rule'")
        if copied:
            check(f"received {kind} {payload} is copied", got(laptop)[1].get("id") == "rule")
        else:
            none(f"received {kind} {payload} is not")
        quiet()
        tablet.send(f"<message to='bob@localhost/r'{attribute} id='rule'>{payload}</message>")
        bob.wait("id='rule'")
        if copied:
            check(f"sent {kind} {payload} is copied", got(laptop, "sent")[1].get("id") == "rule")
        else:
            none(f"sent {kind} {payload} is not")
    quiet()
    muc = "<x xmlns='http://jabber.org/protocol/muc#user'/>"
    bob.send(f"<message to='{tablet.jid}' type='chat' id='pm'>{BODY}{muc}</message>")
    tablet.wait("id='pm'")
    none("a private message from a room is not copied")
    tablet.send(f"<message to='{bob.jid}' type='chat' id='pm'>{BODY}{muc}</message>")
    check("one to a room is", got(laptop, "sent")[1].get("id") == "pm")


def errors():
    quiet()
    tablet.send("<message to='nobody@elsewhere.example' type='chat' id='e1'><body>x</body></message>")
    check("the error comes", tablet.wait("id='e1'").condition == "remote-server-not-found")
    got(laptop, "sent")
    wrapper, inner = got(laptop)
    check("and is copied", wrapper.get("type") == "error" and inner.get("type") == "error" and inner.get("id") == "e1", wrapper)
    quiet()
    tablet.send("<message to='nobody@elsewhere.example' type='groupchat' id='e2'><body>x</body></message>")
    tablet.wait("id='e2'")
    none("an error to what was not copied is not")
    bob.send(f"<message to='{tablet.jid}' type='error' id='e3'><error type='cancel'/></message>")
    tablet.wait("id='e3'")
    none("nor one to what was never sent")


def copies_are_nobodys():
    quiet()
    bob.send(f"<message to='{tablet.jid}' type='chat' id='n1'><body>x</body></message>")
    got(laptop)
    quiet()
    laptop.send("<message to='alice@localhost' type='error' id='n1'><error type='cancel'>"
                "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
    none("an error to a copy reaches nobody", bob, phone, laptop)


def disabling():
    global laptop  # pylint: disable=global-statement
    check("copies can be switched off", carbons(laptop, "disable") and carbons(laptop, "disable"))
    quiet()
    bob.send(f"<message to='{tablet.jid}' type='chat' id='d'><body>x</body></message>")
    got(phone)
    none("then there are none")
    carbons(laptop)
    laptop.ends()
    laptop = server.login("alice", "laptop")
    laptop.available()
    quiet()
    bob.send(f"<message to='{tablet.jid}' type='chat' id='d'><body>x</body></message>")
    got(phone)
    none("a new session has none")


def resumption():
    quiet()
    desk = enable(server.login("alice", "desk"), more=" max='4'")
    check("a session with stream management", desk.sm and carbons(desk))
    ack(desk.sync())
    desk.close()
    server.wait_log("waits to be resumed")
    bob.send(f"<message to='{tablet.jid}' type='chat' id='m1'><body>x</body></message>")
    got(phone)
    desk = resume(server, desk)
    check("copies come while it waits", got(desk)[1].get("id") == "m1")
    bob.send(f"<message to='{tablet.jid}' type='chat' id='m2'><body>x</body></message>")
    check("and when it is back", got(desk)[1].get("id") == "m2")
    desk.ends()
    quiet()


def never_acknowledged():
    """The copy dies with its session, the message only if it was nowhere else."""
    only = enable(server.login("bob", "phone"), more=" max='3'")
    away = enable(server.login("bob", "tablet"), more=" max='3'")
    for client in (only, away):
        check("bob's devices ask for copies", carbons(client))
        client.available()
        ack(client.sync())
    away.close()
    phone.send(f"<message to='{only.jid}' type='chat' id='u1'><body>lost and found</body></message>")
    only.wait("id='u1'")
    only.close()
    late = server.login("bob", "late")
    late.available("<priority>0</priority>")
    found = late.wait("lost and found")
    check("a message that no device acknowledged is given to another, as it was", found.get("id") == "u1" and
          found.find(INNER % "received") is None, found)
    late.sync()
    check("once", [e for e in late.take() if e.name == "message"] == [])
    late.ends()


def over():
    for client in (phone, laptop, tablet, bob):
        client.close()
    server.stop()


run(login, same_ids, discovery, received, priorities, sent, rules, errors, copies_are_nobodys, disabling, resumption,
    never_acknowledged, over)
