#!/usr/bin/env python3
"""XEP-0198: a phone's connection dies and comes back, and nothing is lost, doubled or out of order.

Every rule of the specification for servers: when it may be enabled, what is counted, when acks are due, who may resume
what, and what becomes of what a client never acknowledged.
"""
import re
import time

from bongsu import Server, check, run, wait_for
from bongsu.sm import SM, ack, ask, ask_resume, enable, is_sm, ready, received, resume

FAILED = "urn:ietf:params:xml:ns:xmpp-stanzas"
server = None


def setup(**c2s):
    global server  # pylint: disable=global-statement  # one at a time
    if server:
        server.stop()
    server = Server(c2s=c2s)
    if not server.data.exists():
        server.start()
        server.register("alice", "bob", "carol")
    else:
        server.start()


def login(user, resource, **how):
    return enable(server.login(user, resource), **how)


def say(client, to, *bodies, kind="chat"):
    for body in bodies:
        client.send(f"<message to='{to}' type='{kind}'><body>{body}</body></message>")
    return client


def bodies(client, count, seconds=30):
    """The bodies of the next messages."""
    return [client.wait(lambda e: e.name == "message" and e.text("c:body"), seconds).text("c:body") for _ in range(count)]


def none_left(client):
    client.sync()
    return [e.text("c:body") for e in client.take() if e.name == "message"]


def failed_with(answer):
    return answer.name == "failed" and answer.find(f"{{{FAILED}}}*").tag.partition("}")[2]


def offline(user):
    """Messages that wait for a user, as a legacy client gets them: (body, delayed)."""
    with server.login(user, "late") as client:
        client.available()
        say(client, client.bare, "the end")  # which comes behind all that waits
        got = []
        while not got or got[-1][0] != "the end":
            e = client.wait(lambda e: e.name == "message")
            got.append((e.text("c:body"), e.find("{urn:xmpp:delay}delay") is not None))
        client.ends()
    return got[:-1]


# ---- enable


def enabling():
    setup()
    with server.client() as client:
        check("no feature before login", client.features.find(f"{{{SM}}}sm") is None)
        client.send(f"<enable xmlns='{SM}' resume='true'/>")
        check("enable before login fails", failed_with(client.wait()) == "unexpected-request")
        client.send(f"<resume xmlns='{SM}' previd='x' h='0'/>")
        check("resume before login fails", failed_with(client.wait()) == "unexpected-request")
        client.authenticate("alice", "secret")
        client.open()
        check("the feature after login", client.features.find(f"{{{SM}}}sm") is not None)
        client.send(f"<enable xmlns='{SM}'/>")
        check("enable before bind fails", failed_with(client.wait()) == "unexpected-request")
        client.bind("phone")
        check("the stream goes on", client.jid)
        enable(client, resume=None)
        check("acks alone have no id", client.enabled.name == "enabled" and client.sm is None)
        client.send(f"<resume xmlns='{SM}' previd='x' h='0'/>")
        check("resume after bind fails", failed_with(client.wait()) == "unexpected-request")
        client.send(f"<enable xmlns='{SM}'/>")
        check("a second enable fails", failed_with(client.wait()) == "unexpected-request")
        check("and ends the stream", client.ended() == "policy-violation")
    ids = set()
    for value in ("true", "1"):
        client = login("alice", "phone", resume=value)
        ids.add(client.sm)
        check(f"resume='{value}' is granted", client.enabled.get("resume") == "true" and int(client.enabled.get("max")) == 600)
        check("the id is long and opaque", re.fullmatch("[a-z2-7]{16,}", client.sm or ""), client.sm)
        client.ends()
    check("ids differ", len(ids) == 2)
    client = login("alice", "phone", more=" max='5'")
    check("the client may ask for less time", client.enabled.get("max") == "5")
    client.ends()
    client = login("alice", "phone", more=" max='99999'")
    check("but not for more", client.enabled.get("max") == "600")
    client.ends()
    client = login("alice", "phone", resume="false")
    check("resume='false' is not granted", client.sm is None and client.enabled.get("resume") is None)
    client.ends()
    with server.login("alice", "phone") as client:
        client.send(f"<r xmlns='{SM}'/>")
        check("without enable there are no acks", client.ended() == "unsupported-stanza-type")


# ---- counting


def counting():
    bob = server.login("bob", "r")
    bob.available()
    alice = server.login("alice", "phone")
    say(alice, "bob@localhost", "before")
    enable(alice)
    check("nothing counts before enable", ask(alice) == 0)
    say(alice, "bob@localhost", "1", "2")
    check("messages count", ask(alice) == 2)
    alice.send("<presence/>")
    check("presence counts", ask(alice) == 3)
    alice.ask("get", "<ping xmlns='urn:xmpp:ping'/>")
    check("iqs count", ask(alice) == 4)
    check("nonzas do not", ask(alice) == 4)
    alice.send("<iq type='get' to='bad@@jid' id='x'><ping xmlns='urn:xmpp:ping'/></iq>")
    check("a stanza that is refused counts", ask(alice) == 5)
    alice.wait(r"id='x'.*jid-malformed")
    alice.send("<message to='nobody@elsewhere.example' id='y'><body>x</body></message>")
    check("a stanza that bounces counts", ask(alice) == 6)
    say(alice, "bob@localhost", *(str(n) for n in range(300)))
    wait_for("many count", lambda: ask(alice) == 306)
    check("and arrive", bodies(bob, 303)[3:] == [str(n) for n in range(300)])
    alice.sync()
    before = received(alice)
    ack(alice)
    say(bob, alice.jid, "to you")
    bodies(alice, 1)
    check("a stanza to the client counts", received(alice) == before + 1)
    ack(alice)
    alice.ends()
    bob.ends()


def asking():
    bob, alice = server.login("bob", "r"), login("alice", "phone")
    alice.available()
    alice.wait(is_sm("r"))
    ack(alice)
    say(bob, alice.jid, *(str(n) for n in range(20)))
    got = [alice.wait(lambda e: e.name in ("r", "message")) for _ in range(21)]
    check("the server asks after 20 stanzas", [e.name for e in got] == ["message"] * 20 + ["r"], got)
    say(bob, alice.jid, *(str(n) for n in range(20)))
    bodies(alice, 20)
    bob.sync()
    check("but not while it waits for an answer", all(e.name != "r" for e in alice.take()))
    ack(alice)
    say(bob, alice.jid, "one")
    alice.wait(is_sm("r"))
    check("and after a moment of silence", bodies(alice, 1) == ["one"])
    ack(alice)
    alice.sync()
    ack(alice)
    alice.ends()
    bob.ends()


def wrong_acks():
    alice = login("alice", "phone")
    alice.available()
    sent = received(alice)
    ack(alice, sent + 2)
    check("an ack of too much ends the stream", alice.ended() == "undefined-condition")
    extra = alice.error.find(f"{{{SM}}}handled-count-too-high")
    check("with the counts", extra is not None and (extra.get("h"), extra.get("send-count")) == (str(sent + 2), str(sent)),
          alice.error)
    for attributes in ("", " h='x'", " h='-1'", " h='4294967296'"):
        alice = login("alice", "phone")
        alice.send(f"<a xmlns='{SM}'{attributes}/>")
        check(f"an ack with{attributes or 'out h'} ends the stream", alice.ended() == "bad-format")
    alice = login("alice", "phone")
    alice.available()
    ack(alice)
    ack(alice, 0)
    ack(alice, 4294967290)
    check("old acks are ignored", alice.sync() and ask(alice) == 2)
    alice.ends()


# ---- resumption


def resuming():
    bob = server.login("bob", "r")
    alice = login("alice", "phone")
    alice.available()
    ack(alice)
    say(bob, alice.jid, "1", "2", "3")
    check("messages come", bodies(alice, 3) == ["1", "2", "3"])
    say(alice, bob.jid, "from alice")
    h = received(alice) - 2  # it got 3, and says it got 1
    alice.close()
    server.wait_log("waits to be resumed")
    say(bob, alice.jid, "4", "5").sync()
    again = resume(server, alice, h)
    check("it is resumed", again.resumed.name == "resumed" and again.resumed.get("previd") == alice.sm, again.resumed)
    check("with the count of what came from the client", again.resumed.get("h") == "2", again.resumed)
    say(bob, alice.jid, "6")
    check("what was not acknowledged comes again, then the rest", bodies(again, 5) == ["2", "3", "4", "5", "6"])
    check("what the client sent has arrived", bodies(bob, 1) == ["from alice"])
    say(again, bob.jid, "more")
    check("counters go on", ask(again) == 3)
    say(bob, alice.jid, "7", "8")
    bodies(again, 2)
    again.close()
    third = resume(server, again)
    check("it can be resumed again, with the same id", third.resumed.name == "resumed")
    check("what came is not sent again", none_left(third) == [])
    check("the session kept its presence", "phone" in server.ctl("user_resources", "alice", "localhost").out)
    third.ends()
    check("a clean end is an end", server.ctl("user_resources", "alice", "localhost").out == "")
    fourth = ready(server, "alice")
    answer = ask_resume(fourth, alice.sm, 0)
    check("an ended session is not found, but its count is known",
          failed_with(answer) == "item-not-found" and answer.get("h") == "4", answer)
    fourth.bind("phone")
    check("then the client may bind", fourth.jid)
    enable(fourth)
    check("and enable", fourth.sm)
    fourth.ends()
    bob.ends()


def refusals():
    alice = login("alice", "phone")
    alice.close()
    bob = ready(server, "bob")
    answer = ask_resume(bob, alice.sm, 0)
    check("another account cannot resume", failed_with(answer) == "item-not-found" and answer.get("h") is None, answer)
    check("nor an unknown id", failed_with(ask_resume(bob, "nosuchid", 0)) == "item-not-found")
    for text in ("previd='x'", "h='1'", "previd='x' h='many'"):
        bob.send(f"<resume xmlns='{SM}' {text}/>")
        check(f"{text} is a bad request", failed_with(bob.wait()) == "bad-request")
    bob.bind("r")
    check("and may still bind", bob.jid)
    bob.ends()
    other = ready(server, "alice")
    other.send(f"<resume xmlns='{SM}' previd='{alice.sm}' h='1000'/>")
    check("a client that got more than was sent is refused", other.ended() == "undefined-condition")
    again = resume(server, alice)
    check("the session survived all that", again.resumed.name == "resumed")
    again.ends()
    plain = login("alice", "phone", resume=None)
    plain.close()
    wait_for("a session that cannot be resumed ends", lambda: not server.ctl("user_resources", "alice", "localhost").out)


def conflict():
    bob = server.login("bob", "r")
    alice = login("alice", "phone")
    alice.available()
    say(alice, bob.jid, "early")
    check("a message comes", bodies(bob, 1) == ["early"])
    again = resume(server, alice)
    check("a session that still has a connection is resumed", again.resumed.name == "resumed" and
          again.resumed.get("h") == "2", again.resumed)
    try:
        say(alice, bob.jid, "late")
    except OSError:
        pass
    check("the old connection gets a conflict", alice.ended() == "conflict")
    say(again, bob.jid, "after")
    check("what it still says is not taken", bodies(bob, 1) == ["after"])
    check("and not counted", ask(again) == 3)
    again.ends()
    bob.ends()


def invisible():
    """Nobody sees a session wait; presence, subscriptions and roster pushes reach it when it is back."""
    server.ctl("add_rosteritem", "alice", "localhost", "bob", "localhost", "bob", "", "both")
    server.ctl("add_rosteritem", "bob", "localhost", "alice", "localhost", "alice", "", "both")
    bob = server.login("bob", "r")
    bob.available()
    alice = login("alice", "phone")
    alice.ask("get", "<query xmlns='jabber:iq:roster'/>")
    alice.available("<priority>3</priority>")
    bob.wait(lambda e: e.get("from") == alice.jid)
    alice.send("<presence to='carol@localhost'/>")
    alice.sync()
    count = received(alice)
    alice.close()
    server.wait_log("waits to be resumed")
    bob.take()
    bob.send("<presence><show>away</show></presence>")
    bob.sync()
    server.ctl("add_rosteritem", "alice", "localhost", "carol", "localhost", "carol", "", "none")
    check("contacts do not see it go", not any(e.name == "presence" and e.get("type") for e in bob.take()))
    again = resume(server, alice, count)
    check("presence meanwhile comes", again.wait(lambda e: e.name == "presence" and e.find("c:show") is not None))
    check("roster pushes meanwhile come", again.wait(r"<item [^>]*carol@localhost"))
    bob.send(f"<presence type='probe' to='{alice.bare}'/>")
    check("it is there as before", "\t3\t" in server.ctl("user_sessions_info", "alice", "localhost").out)
    again.ends()
    check("now they do", bob.wait(lambda e: e.get("type") == "unavailable").get("from") == alice.jid)
    bob.ends()


def any_worker():
    """Sessions are found from whichever worker the new connection is accepted on."""
    clients = [login("carol", f"r{i}") for i in range(6)]
    for client in clients:
        client.available()
        client.close()
    again = [resume(server, client) for client in clients]
    check("all are resumed", all(c.resumed.name == "resumed" for c in again))
    for client in again:
        client.ends()


# ---- what was never acknowledged


def to_offline():
    bob = server.login("bob", "r")
    alice = login("alice", "phone", more=" max='4'")
    alice.available()
    ack(alice)
    alice.close()
    say(bob, "alice@localhost", "1", "2")
    say(bob, alice.jid, "3")
    say(bob, alice.jid, "headline", kind="headline")
    bob.send(f"<message to='{alice.jid}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
    bob.send(f"<iq type='get' id='ask' to='{alice.jid}'><ping xmlns='urn:xmpp:ping'/></iq>")
    error = bob.wait("id='ask'")
    check("a request that nobody answers gets an error", error.condition == "recipient-unavailable", error)
    bob.sync()
    check("nobody is told of anything else", not [e for e in bob.take() if e.name == "message"])
    check("unacknowledged messages wait, once and in order, with their time",
          offline("alice") == [("1", True), ("2", True), ("3", True)])
    check("only once", offline("alice") == [])
    bob.ends()


def acked_is_done():
    bob = server.login("bob", "r")
    alice = login("alice", "phone", more=" max='4'")
    alice.available()
    say(bob, alice.jid, "1", "2", "3")
    bodies(alice, 3)
    ack(alice, received(alice) - 1)
    alice.sync()
    alice.close()
    wait_for("the session ends", lambda: not server.ctl("user_resources", "alice", "localhost").out)
    got = offline("alice")
    check("only what was not acknowledged waits", got == [("3", True)], got)
    alice = login("alice", "phone", resume=None)
    alice.available()
    say(bob, alice.jid, "4")
    bodies(alice, 1)
    alice.close()
    wait_for("a session without resumption ends", lambda: not server.ctl("user_resources", "alice", "localhost").out)
    check("it loses nothing either", offline("alice") == [("4", True)])
    alice = login("alice", "phone")
    alice.available()
    say(bob, alice.jid, "5")
    bodies(alice, 1)
    alice.ends()
    check("nor one that ends in peace", offline("alice") == [("5", True)])
    bob.ends()


def to_others():
    """A message that several devices were given is kept only if none acknowledged it."""
    bob = server.login("bob", "r")
    phone, tablet = login("alice", "phone", more=" max='4'"), login("alice", "tablet", more=" max='1'")
    for client in (phone, tablet):
        client.available()
        ack(client.sync())
    phone.close()
    say(bob, "alice@localhost", "both")
    check("the other device gets it", bodies(tablet, 1) == ["both"])
    ack(tablet)
    tablet.sync()
    ack(tablet)
    say(bob, phone.jid, "only the phone")
    late = tablet.wait(lambda e: e.text("c:body") == "only the phone")
    check("what the phone alone was given goes to it when the phone is given up",
          late.find("{urn:xmpp:delay}delay") is not None and late.get("to") == phone.jid, late)
    check("what it had already does not", none_left(tablet) == [])
    ack(tablet)
    tablet.ends()
    check("nothing waits", offline("alice") == [])

    phone, tablet = login("alice", "phone", more=" max='4'"), login("alice", "tablet", more=" max='1'")
    for client in (phone, tablet):
        client.available()
        ack(client.sync())
        client.close()
    say(bob, "alice@localhost", "nobody").sync()
    wait_for("both end", lambda: not server.ctl("user_resources", "alice", "localhost").out)
    check("what neither acknowledged waits once", offline("alice") == [("nobody", True)])

    phone, laptop = login("alice", "phone", more=" max='4'"), server.login("alice", "laptop")
    for client in (phone, laptop):
        client.available()
    phone.close()
    say(bob, "alice@localhost", "laptop")
    check("a device without acks gets it", bodies(laptop, 1) == ["laptop"])
    wait_for("the phone ends", lambda: server.ctl("user_resources", "alice", "localhost").out == "laptop\n")
    check("it is not given twice", none_left(laptop) == [])
    laptop.ends()
    check("nothing waits", offline("alice") == [])
    bob.ends()


def replaced():
    """A new login with the same resource gets what the old session had not."""
    bob = server.login("bob", "r")
    alice = login("alice", "phone")
    alice.available()
    ack(alice.sync())
    alice.close()
    say(bob, "alice@localhost", "1", "2").sync()
    again = server.login("alice", "phone")
    again.available()
    check("its messages wait for the new one", bodies(again, 2) == ["1", "2"])
    again.ends()
    bob.ends()


def kicked():
    alice = login("alice", "phone")
    alice.available()
    alice.close()
    server.wait_log("waits to be resumed")
    check("a waiting session can be kicked", server.ctl("kick_user", "alice", "localhost").code == 0)
    wait_for("and is gone", lambda: not server.ctl("user_resources", "alice", "localhost").out)
    check("it cannot be resumed", failed_with(ask_resume(ready(server, "alice"), alice.sm, 0)) == "item-not-found")


# ---- bounds


def bounds():
    setup(max_unacked=500, max_sessions=3)
    bob = server.login("bob", "r")
    alice = login("alice", "phone")
    alice.available()
    ack(alice)
    alice.close()
    say(bob, "alice@localhost", *(str(n) for n in range(100)))
    say(bob, alice.jid, *(str(n) for n in range(600)), kind="headline").sync()
    wait_for("a waiting session with too much ends", lambda: not server.ctl("user_resources", "alice", "localhost").out)
    check("its messages wait, in order", offline("alice") == [(str(n), True) for n in range(100)])
    alice = login("alice", "phone")
    alice.available()
    say(bob, alice.jid, *(str(n) for n in range(600))).sync()
    check("a client that never acknowledges is cut off", alice.ended() == "policy-violation")
    wait_for("its session ends", lambda: not server.ctl("user_resources", "alice", "localhost").out)
    got = [body for body, _ in offline("alice")]
    check("its messages wait", got == [str(n) for n in range(600)], got)
    say(bob, "alice@localhost", *(str(n) for n in range(900))).sync()
    alice = login("alice", "phone")
    alice.available()
    got = []
    while len(got) < 900:
        e = alice.wait(lambda e: e.name in ("r", "message"))
        if e.name == "r":
            ack(alice)
        else:
            got.append(e.text("c:body"))
    check("a client that acknowledges gets any number of messages that waited", got == [str(n) for n in range(900)])
    ack(alice)
    alice.ends()
    say(bob, "alice@localhost", *(str(n) for n in range(900))).sync()
    alice = login("alice", "phone")
    alice.available()
    got = bodies(alice, 3)
    h = received(alice) - 1
    ack(alice, h)
    got += [e.text("c:body") for e in alice.take() if e.name == "message"]
    alice.close()
    alice = resume(server, alice, h)
    while len(got) < 900:
        e = alice.wait(lambda e: e.name in ("r", "message"))
        if e.name == "r":
            ack(alice)
        elif e.text("c:body") not in got:
            got.append(e.text("c:body"))
    wrong = next((i for i, body in enumerate(got) if body != str(i)), None)
    check("also over a resumption", wrong is None, wrong is not None and (wrong, got[max(0, wrong - 5):wrong + 20]))
    ack(alice)
    alice.ends()
    for i in range(3):
        login("alice", f"r{i}").close()
    fourth = login("alice", "more")
    check("waiting sessions give way to new ones", fourth.sm and
          server.ctl("user_resources", "alice", "localhost").out.split() == ["r1", "r2", "more"],
          server.ctl("user_resources", "alice", "localhost").out)
    server.ctl("kick_user", "alice", "localhost")
    bob.ends()


def dead_peer():
    """A client that is silent beyond idle_timeout and ping_timeout is cut off, and may come back."""
    setup(idle_timeout="300ms", ping_timeout="300ms", resume_timeout="2s")
    alice = login("alice", "phone")
    alice.available()
    begin = time.monotonic()
    check("silence ends the connection", alice.ended() == "connection-timeout")
    check("after it was asked", any(e.name == "r" for e in alice.came))
    check("not before its time", time.monotonic() - begin > 0.5)
    again = resume(server, alice)
    check("the session waits", again.resumed.name == "resumed")
    again.close()
    wait_for("and ends when its time is over", lambda: not server.ctl("user_resources", "alice", "localhost").out)
    late = ready(server, "alice")
    answer = ask_resume(late, alice.sm, 0)
    check("then it is too late, but the count is known", failed_with(answer) == "item-not-found" and answer.get("h") == "1",
          answer)
    late.close()
    setup(resume_timeout="0")
    alice = login("alice", "phone")
    check("resumption can be switched off", alice.enabled.name == "enabled" and alice.sm is None)
    check("acks are there", ask(alice) == 0)
    check("resume is told so", failed_with(ask_resume(ready(server, "alice"), "x", 0)) == "feature-not-implemented")
    alice.ends()
    server.stop()


run(enabling, counting, asking, wrong_acks, resuming, refusals, conflict, invisible, any_worker, to_offline, acked_is_done,
    to_others, replaced, kicked, bounds, dead_peer)
