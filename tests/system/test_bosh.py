#!/usr/bin/env python3
"""XMPP over BOSH (XEP-0124, XEP-0206): sessions, request ids, answers that are lost, pauses, ends.

Requests come in and out of order, twice, on connections that break and that end up at other threads; nothing is lost or
told twice. Whoever breaks the rules gets the condition that the XEP names.
"""
import itertools
import json
import re
import time

from bongsu import Server, check, run
from bongsu.bosh import BOSH, BoshClient, Session, body, read
from bongsu.checks import WAIT
from bongsu.client import NAMESPACES, Ended, Late
from bongsu.web import Http, ask, seconds_of

LISTEN = {"plain": {"service": "c2s", "starttls": "off"}, "http": {"service": "http"},
          "https": {"service": "http", "tls": "direct"},
          "proxied": {"service": "http", "proxies": ["127.0.0.0/8"]}}
server = Server(listen=LISTEN, hosts=["localhost", "example.org"], workers=4, log={"level": "debug"})
SM = "urn:xmpp:sm:3"
RESTART = "{urn:xmpp:xbosh}restartlogic"
POLLING = 2.2  # seconds: a little more than the interval that is agreed without `hold`
tokens = itertools.count(1)


def session(port="http", **wishes):
    new = Session(server.ports[port], port == "https")
    new.create(**wishes)
    return new


def login(user, resource=None, port="http", **wishes):
    client = BoshClient(server.ports[port], secure=port == "https", **wishes)
    client.open()
    return client.login(user, "secret", resource)


def idle(user, resource=None, **wishes):
    """A bound session of which no request waits: its requests are made one by one."""
    client = login(user, resource, **wishes)
    while client.pending:
        client.take(client.session.done(client.pending.popleft()))
    client.session.jid = client.jid
    return client.session


def terminal(answer):
    """The condition of an end, "" for an end without, None for no end."""
    return answer.attributes.get("condition", "") if answer.attributes.get("type") == "terminate" else None


def bodies(answer):
    return [e.text("c:body") for e in answer.elements if e.name == "message"]


def gather(s, count):
    """The texts of so many messages, which may come with several answers."""
    got = []
    while len(got) < count:
        got += bodies(s.ask())
    return got


def message(to, text, kind=""):
    return f"<message to='{to}'{kind} xmlns='jabber:client'><body>{text}</body></message>"


def hold(s, reader):
    """A request that the server has by now: what came with it is with the reader. Connections keep no order between them."""
    text = f"token {next(tokens)}"
    pending = s.post(message(reader.jid, text))
    reader.wait(f">{text}<")
    return pending


def cut(s, pending):
    """Breaks the connection of a request that is held, and waits until the server knows."""
    pending.cut()
    server.wait_log(rf"{log_name(s)} lost the client of request {pending.rid}\b")


def log_name(s):
    """What the log calls a session."""
    return server.wait_log(rf"(bosh-\S+) bound {re.escape(s.jid)}\n(?!(?s:.*) bound {re.escape(s.jid)}\n)")[1]


def forsaken(s):
    """Waits until the session is over for want of requests."""
    return server.wait_log(rf"{log_name(s)} closed after .*: the client made no more requests")


def creation():
    s = Session(server.ports["http"])
    a = s.create(wait=30, hold=1, ack=1, ver="1.6", **{"from": "alice@localhost"}).attributes
    check("a session is created", len(a["sid"]) > 30 and a["wait"] == "30" and a["hold"] == "1" and a["requests"] == "2" and
          a["inactivity"] == "60" and a["maxpause"] == "120" and a["from"] == "localhost" and a["ver"] == "1.6" and
          a[RESTART] == "true" and a["{urn:xmpp:xbosh}version"] == "1.0" and a["authid"], a)
    check("acks begin with the first answer", a["ack"] == str(s.rid), a)
    check("features come with it", s.first.elements[0].name == "features" and
          "xmlns:stream='" + NAMESPACES["s"] in s.first.text.split(">")[0], s.first.text)
    check("the answer is XML, and harmless in a browser", s.first.headers["content-type"] == "text/xml; charset=utf-8" and
          "sandbox" in s.first.headers["content-security-policy"], s.first.headers)
    check("what has no acks gets none", "ack" not in session().first.attributes)
    for wishes, wanted in [({"wait": 3600, "hold": 9}, ("60", "2", "3")), ({"wait": 5, "hold": 1}, ("5", "1", "2")),
                           ({"wait": None, "hold": None}, ("60", "1", "2")), ({"wait": 0}, ("0", "0", "1")),
                           ({"hold": 0}, ("60", "0", "1")), ({"wait": "x", "hold": "-1"}, ("60", "1", "2"))]:
        a = session(**wishes).first.attributes
        check(f"wishes are heard: {wishes}", (a["wait"], a["hold"], a["requests"]) == wanted, a)
    check("no version higher than ours", session(ver="1.99").first.attributes["ver"] == "1.11")
    check("none if the client has none", "ver" not in session(ver=None).first.attributes)
    check("a type of content may be asked for",
          session(content="text/plain; charset=utf-8").first.headers["content-type"] == "text/plain; charset=utf-8")
    raw = body(rid=5, to="localhost", content="a@B: c").replace("@", "&#13;&#10;")
    answer = ask(server.ports["http"], "POST", "/http-bind", raw)
    check("but no header", answer.headers["content-type"] == "text/xml; charset=utf-8" and "b" not in answer.headers, answer)
    for wishes, condition in [({"to": None}, "improper-addressing"), ({"to": ""}, "improper-addressing"),
                              ({"to": "elsewhere.example"}, "host-unknown"), ({"to": "a@localhost"}, "host-unknown"),
                              ({"from": "@@"}, "remote-stream-error"), ({"xmpp_version": "0.9"}, "remote-stream-error")]:
        answer = Session(server.ports["http"]).create(**wishes)
        check(f"{wishes}: {condition}", terminal(answer) == condition, answer.text)
    other = session(to="example.org")
    check("another host has sessions too", other.first.attributes["from"] == "example.org")
    hosts = server.options["hosts"]
    server.configure(hosts=["localhost"])
    server.reload()
    check("until the host is gone", terminal(other.ask()) == "host-gone")
    server.configure(hosts=hosts)
    server.reload()


# what is wrong, and what is sent
NO_REQUESTS = [
    ("nothing", ""),
    ("garbage", "hello"),
    ("half a body", "<body"),
    ("another element", f"<bodies xmlns='{BOSH}' rid='1'/>"),
    ("another namespace", "<body xmlns='urn:example' rid='1'/>"),
    ("no rid", body(to="localhost")),
    ("rid 0", body(rid=0, to="localhost")),
    ("a negative rid", body(rid=-1, to="localhost")),
    ("a rid in words", body(rid="one", to="localhost")),
    ("a rid that JavaScript cannot count to", body(rid=1 << 53, to="localhost")),
    ("a DTD", f"<!DOCTYPE x><body xmlns='{BOSH}' rid='1'/>"),
    ("a type that nobody knows", body(rid=1, to="localhost", type="x")),
    ("too many attributes", body(rid=1, to="localhost", **{f"a{i}": 1 for i in range(100)})),
    ("a large tag", body(rid=1, to="localhost", a="x" * 20000)),
]


def requests():
    port = server.ports["http"]
    for what, data in NO_REQUESTS:
        answer = read(ask(port, "POST", "/http-bind", data))
        check(f"{what} is a bad request", terminal(answer) == "bad-request", answer)
    answer = read(ask(port, "POST", "/http-bind", body(rid=1, sid="nobody-0")))
    check("an unknown session is not found", terminal(answer) == "item-not-found", answer)
    for sid in ("", "a", "a-", "a-ffffffffffffffffffff", "a-3", "-1"):
        answer = read(ask(port, "POST", "/http-bind", body(rid=1, sid=sid)))
        check(f"nor is {sid!r}", terminal(answer) == "item-not-found", answer)
    check("GET is not for sessions", ask(port, "GET", "/http-bind").status == 405)
    data = body(rid=5, to="localhost")
    http = Http(port)
    http.send("POST /http-bind HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    for byte in data:
        http.send(f"1\r\n{byte}\r\n")
    http.send("0\r\n\r\n")
    check("a body may come in chunks", read(http.answer()).attributes.get("sid"))
    answer = read(ask(port, "POST", "/http-bind",
                      f"<?xml version='1.0'?>\n<b:body xmlns:b='{BOSH}' rid='7' to='localhost' ver='1.6'></b:body>\n"))
    check("with a prefix and a declaration", answer.attributes.get("sid"), answer)


def cors():
    port = server.ports["http"]
    answer = ask(port, "OPTIONS", "/http-bind", Origin="null", Access_Control_Request_Method="POST",
                 Access_Control_Request_Headers="content-type")
    check("scripts may ask", answer.status == 204 and answer.headers["access-control-allow-origin"] == "*" and
          "POST" in answer.headers["access-control-allow-methods"] and
          "content-type" in answer.headers["access-control-allow-headers"].lower(), answer)
    server.configure(http={"origins": ["https://chat.example", "null"]})
    server.reload()
    for origin, status in [("https://chat.example", 200), ("null", 200), ("https://evil.example", 403)]:
        answer = ask(port, "POST", "/http-bind", body(rid=5, to="localhost"), Origin=origin)
        check(f"{origin} gets {status}", answer.status == status, answer)
        check("and reads it, or not", answer.headers.get("access-control-allow-origin") ==
              (origin if status == 200 else None) and "Origin" in answer.headers["vary"], answer.headers)
    server.configure(http={})
    server.reload()


def chat():
    bob = server.login("bob", "tcp")
    for port in ("http", "https"):
        alice = login("alice", f"bosh-{port}", port)
        alice.available()
        bob.send(message(alice.jid, "안녕 🔥"))
        got = alice.wait("<body>")
        check(f"bob writes to alice over {port}", got.get("from") == bob.jid and got.text("c:body") == "안녕 🔥", got)
        alice.send(message(bob.jid, "hello"))
        check("and she answers", bob.wait("<body>hello</body>").get("from") == alice.jid)
        alice.flush(alice.session.post(f"<message to='{bob.jid}'><body>plain</body></message>"))
        check("also without naming the namespace", bob.wait("<body>plain</body>"))
        check("she is among the sessions", "bosh" in server.ctl("--json", "user_sessions_info", "alice", "localhost").out)
        for i in range(100):
            bob.send(message(alice.jid, i))
        check("a hundred messages come in order", [alice.wait("<body>").text("c:body") for _ in range(100)] ==
              [str(i) for i in range(100)])
        for i in range(100):
            alice.send(message(bob.jid, i))
        check("and go in order", [bob.wait("<body>").text("c:body") for _ in range(100)] == [str(i) for i in range(100)])
        check("her session ends", alice.ends() is None)
    bob.ends()


def waiting():
    alice = idle("alice", "wait", wait=1)
    took, answer = seconds_of(alice.ask)
    check("a request waits as long as was agreed", 0.5 < took < WAIT and not answer.elements and terminal(answer) is None,
          (took, answer))
    alice = idle("alice", "held")
    bob = server.login("bob")
    first = alice.post()
    check("a request waits for something to tell", first.waits())
    second = alice.post()
    check("no more wait than were agreed", not alice.done(first).elements)
    bob.send(message(alice.jid, "one"))
    check("what comes is told at once", bodies(alice.done(second)) == ["one"])
    for text in ("two", "three"):
        bob.send(message(alice.jid, text))
    got = gather(alice, 2)
    check("without a request it waits", got == ["two", "three"], got)
    two = idle("alice", "two", hold=2)
    first, second = two.post(), two.post()
    check("two may wait", first.waits() and second.waits(0))
    third = two.post()
    check("of three the first is answered", not two.done(first).elements and second.waits() and third.waits(0))
    bob.send(message(two.jid, "for the oldest"))
    check("and the oldest gets what comes", bodies(two.done(second)) == ["for the oldest"] and third.waits())
    bob.ends()


def order():
    alice = idle("alice", "order")
    rid = alice.rid
    late = alice.post(message(alice.jid, "second"), rid=rid + 2)
    check("a request ahead of its time waits", late.waits())
    early = alice.post(message(alice.jid, "first"), rid=rid + 1)
    alice.rid = rid + 2
    got = bodies(alice.done(early)) + bodies(alice.done(late))
    got += gather(alice, 2 - len(got))
    check("payload is handled by the order of rids", got == ["first", "second"], got)
    alice, bob = idle("alice", "order2"), server.login("bob", "order")
    first = hold(alice, bob)
    rid = first.rid - 1
    second = alice.post(rid=rid + 4)
    answer = second.answer()
    check("a rid beyond the window ends the session", terminal(answer) == "item-not-found", answer)
    check("for the request that waits too", first.answer().status == 200)
    check("and for good", terminal(alice.ask(rid=rid + 2)) == "item-not-found")
    alice = idle("alice", "order4", hold=2)
    posts = [hold(alice, bob) for _ in range(2)]
    check("two wait", all(p.waits(0.2) for p in posts))
    rid = alice.rid
    posts = [alice.post(rid=rid + 3), alice.post(rid=rid + 2)]
    conditions = [terminal(p.answer()) for p in posts]
    check("too many at a time end the session", "policy-violation" in conditions, conditions)
    bob.ends()


def repeats():
    alice = idle("alice", "again")
    bob = server.login("bob")
    first = hold(alice, bob)
    again = alice.again(first)
    answer = alice.done(first)
    check("the same request again frees the first", answer.attributes.get("type") == "error" and not answer.elements, answer)
    bob.send(message(alice.jid, "once"))
    answer = alice.done(again)
    check("and gets the answer", bodies(answer) == ["once"])
    check("a repeated request gets the same answer", alice.done(alice.again(first)).text == answer.text)
    sent = alice.post(message(bob.jid, "only once"))
    bob.wait("only once")
    again = alice.again(sent)
    bob.send(message(alice.jid, "two"))
    check("what was sent twice", bodies(alice.done(again)) == ["two"])
    bob.sync()
    check("is not handled twice", not any("only once" in e.raw for e in bob.came))
    answer = alice.done(alice.post(rid=alice.rid - 10))
    check("what is too old is not found", terminal(answer) == "item-not-found", answer)
    third = alice.post()
    bob.send(message(alice.jid, "goes on"))
    check("and changes nothing", bodies(alice.done(third)) == ["goes on"])
    bob.ends()


def lost():
    alice = idle("alice", "lost")
    bob = server.login("bob")
    broken = hold(alice, bob)
    check("a request waits", broken.waits())
    cut(alice, broken)
    bob.send(message(alice.jid, "kept"))
    check("what comes while the connection is broken is not lost", bodies(alice.done(alice.again(broken))) == ["kept"])
    broken = hold(alice, bob)
    check("again", broken.waits())
    cut(alice, broken)
    bob.send(message(alice.jid, "next"))
    got = gather(alice, 1)
    check("nor if the client goes on with the next request", got == ["next"] and
          not bodies(alice.done(alice.again(broken))), got)
    sent = alice.post()
    bob.send(message(alice.jid, "answered"))
    check("an answer is under way", not sent.waits(WAIT))
    sent.cut()
    check("an answer that was lost is told again", bodies(alice.done(alice.again(sent))) == ["answered"])
    acks = idle("alice", "acks", ack=1)
    rid = acks.rid
    answer = acks.ask(message(acks.jid, "x"))
    check("the newest request needs no ack", "ack" not in answer.attributes, answer.text)
    first, second = acks.post(), acks.post()
    answer = acks.done(first)
    check("but what came beyond the answered one does", answer.attributes.get("ack") == str(second.rid), answer.text)
    third = acks.post(ack=rid + 2)
    acks.done(second)
    check("what is acknowledged is forgotten", terminal(acks.post(rid=rid + 2).answer()) == "item-not-found" and third.waits())
    bob.ends()


def silence():
    """Sessions without requests: paused, quiet, with one that waits, with stream management."""
    server.configure(http={"bosh_inactivity": "4s", "bosh_max_pause": "30s"})
    server.reload()
    bob, watcher = server.login("bob"), server.login("alice", "watcher")
    watcher.available()
    alice, quiet, busy = (idle("alice", name) for name in ("pause", "quiet", "busy"))
    held = hold(alice, bob)
    paused = alice.post(pause=30)
    check("a pause frees all requests", not alice.done(held).elements and not alice.done(paused).elements)
    bob.send(message(alice.jid, "meanwhile"))
    waits = hold(busy, bob)
    managed = login("alice", "sm")
    managed.send(f"<enable xmlns='{SM}' resume='true'/>")
    number = managed.wait("<enabled").get("id")
    managed.available()
    managed.send(f"<r xmlns='{SM}'/>")
    check("stanzas are acknowledged over BOSH", managed.wait("<a ").get("h") == "1")
    managed.close()
    held = quiet.post("<presence/>")
    watcher.wait(lambda e: e.name == "presence" and e.get("from") == quiet.jid)
    quiet.done(held)
    gone = watcher.wait(lambda e: e.name == "presence" and e.get("from") == quiet.jid and e.get("type") == "unavailable")
    check("without requests a session ends", gone)
    check("and is not found", terminal(quiet.ask()) == "item-not-found")
    got = gather(alice, 1)
    check("a pause is longer than inactivity", got == ["meanwhile"], got)
    answer = alice.ask(pause=31)
    check("but not for ever", terminal(answer) == "policy-violation", answer)
    check("a request that waits keeps a session", waits.waits(0))
    cut(busy, waits)
    check("unless its client is gone", forsaken(busy) and terminal(busy.ask()) == "item-not-found")
    forsaken(managed)
    bob.send(message(managed.jid, "while away", " type='chat'"))
    bob.sync()
    server.configure(http={})
    server.reload()
    resumed(managed, number, bob)
    watcher.ends()
    bob.ends()


def resumed(before, number, bob):
    """Its session goes on over BOSH."""
    again = BoshClient(server.ports["http"])
    again.open()
    again.authenticate("alice", "secret")
    again.open()
    again.send(f"<resume xmlns='{SM}' previd='{number}' h='1'/>")
    check("a session goes on over BOSH", again.wait("<resumed").get("previd") == number)
    check("and nothing is lost", again.wait("<body>").text("c:body") == "while away")
    again.jid = before.jid
    again.send(message(bob.jid, "back"))
    check("in both directions", bob.wait("<body>back").get("from") == before.jid)
    again.ends()


def endings():
    bob = server.login("bob", "sees")
    alice = idle("alice", "ends")
    held = alice.post(message(bob.jid, "a") + f"<presence to='{bob.jid}'/>")
    bob.wait(lambda e: e.name == "presence" and e.get("from") == alice.jid)
    last = alice.post(message(bob.jid, "b") + f"<presence to='{bob.jid}' type='unavailable'/>", type="terminate")
    answers = [alice.done(held), alice.done(last)]
    check("the client ends a session: the oldest request tells, the other is empty",
          [terminal(a) for a in answers] == ["", None] and not answers[1].elements, answers)
    bob.wait("<body>b</body>")
    check("what came with it was handled", bob.wait(lambda e: e.get("type") == "unavailable"))
    check("then it is gone", terminal(alice.ask()) == "item-not-found")
    old = idle("alice", "same")
    held = old.post()
    login("alice", "same")
    answer = old.done(held)
    check("a stream error is told within the last body", terminal(answer) == "remote-stream-error" and
          answer.elements[-1].condition == "conflict", answer.text)
    kicked = idle("alice", "kicked")
    server.ctl("kick_session", "alice", "localhost", "kicked", "because")
    answer = kicked.ask()
    check("also to a client that comes later", terminal(answer) == "remote-stream-error", answer.text)
    for what, payload, condition in [("broken XML", "<a>", "bad-request"), ("text", "hello", "bad-request"),
                                     ("half of a body", "<presence/><b", "bad-request")]:
        alice = idle("alice", "bad")
        answer = alice.ask(payload)
        check(f"{what}: {condition}", terminal(answer) == condition, answer.text)
    alice = idle("alice", "restart")
    answer = alice.ask(xmpp_restart="true")
    check("no restart when it is not due", terminal(answer) == "remote-stream-error", answer.text)
    early = session()
    answer = early.ask("<message xmlns='jabber:client'/>")
    check("no stanza before authentication", terminal(answer) == "remote-stream-error" and
          answer.elements[-1].condition == "not-authorized", answer.text)
    early = session()
    answer = early.ask(xmpp_restart="true", to="example.org")
    check("a restart before it gives features again", answer.elements[0].name == "features", answer.text)
    early = session()
    answer = early.ask("<a xmlns='b'>" + "x" * 20000 + "</a>")
    check("large elements come later", terminal(answer) in ("remote-stream-error", "bad-request"), answer.text)
    alice = idle("alice", "large")
    http = Http(server.ports["http"])
    http.send(f"POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Length: {50_000_000}\r\n\r\n")
    check("but not without bound", http.answer().status == 413)
    bob.ends()


def old_clients():
    """Without `ver` some conditions are statuses of HTTP."""
    old = idle("alice", "old", ver=None)
    check("not found is 404", old.ask(rid=old.rid + 10).status == 404)
    old = idle("alice", "old", ver=None)
    check("a violation is 403", old.ask(pause=100000).status == 403)
    old = idle("alice", "old", ver=None)
    check("a bad body is 400", old.ask("<a>").status == 400)
    old = idle("alice", "old", ver=None)
    check("an old rid is 404", old.ask(rid=old.rid - 10).status == 404)


def polling():
    poll = idle("alice", "poll", hold=0)
    bob = server.login("bob")
    check("a session without waiting says how often", poll.first.attributes["polling"] == "2" and
          poll.first.attributes["requests"] == "1", poll.first.attributes)
    time.sleep(POLLING)
    took, answer = seconds_of(poll.ask)
    check("is answered at once", took < WAIT and not answer.elements, answer)  # others wait for a minute
    bob.send(message(poll.jid, "polled"))
    bob.sync()
    got = []
    while not got:
        time.sleep(POLLING)
        got = bodies(poll.ask())
    check("with what there is", got == ["polled"], got)
    time.sleep(POLLING)
    check("again after the time that was agreed", terminal(poll.ask()) is None)
    answers = [None]
    while len(answers) < 10 and answers[-1] is None:  # the machine may make each of them late
        answers.append(terminal(poll.ask()))
    check("but not more often", answers[-1] == "policy-violation", answers)
    bob.ends()


def everywhere():
    """Each request on a connection of its own, so that it comes in at any thread; and sessions side by side."""
    bob = server.login("bob")
    for name in ("one", "two", "three", "four"):
        alice = idle("alice", name)
        held = None
        for i in range(25):
            alice.idle.clear()
            posted = alice.post(message(bob.jid, f"{name} {i}"))
            if held:
                alice.done(held)
            held = posted
        got = [bob.wait("<body>").text("c:body") for _ in range(25)]
        check(f"requests on many connections stay in order: {name}", got == [f"{name} {i}" for i in range(25)], got)
        bob.send(message(alice.jid, "end"))
        check("and are answered", bodies(alice.done(held)) == ["end"])
    a, b = idle("alice", "side a"), idle("bob", "side b")
    b.idle = a.idle = [*a.idle, *b.idle]  # as behind a proxy
    for i in range(20):
        held = b.post()
        a.ask(message(b.jid, i) + message(a.jid, f"own {i}"))
        check(f"sessions share connections ({i})", bodies(b.done(held)) == [str(i)])
    bob.ends()


def security():
    alice = BoshClient(server.ports["https"], secure=True)
    alice.open()
    check("over TLS there is PLAIN, but no channel binding", "PLAIN" in alice.mechanisms() and
          not any("PLUS" in m for m in alice.mechanisms()), alice.features)
    check("which works", alice.authenticate("alice", "secret", "PLAIN").name == "success")
    alice.open()
    alice.bind("secure")
    clear = Http(server.ports["http"])
    clear.send(Http.request("POST", "/http-bind", body(rid=alice.session.rid + 1, sid=alice.session.sid)))
    check("a session over TLS is not reached in clear", clear.ended())
    check("and lives", alice.sync())
    client = BoshClient(server.ports["http"])
    client.open()
    check("in clear there is no PLAIN", "PLAIN" not in client.mechanisms())
    outside = {"X_Forwarded_For": "192.0.2.7"}
    answer = Session(server.ports["proxied"], headers=outside).create()
    check("from elsewhere nobody comes in clear", answer.status == 403, answer)
    client = BoshClient(server.ports["proxied"], headers=outside | {"X_Forwarded_Proto": "https"})
    client.open()
    client.login("alice", "secret", "proxied", mechanism="PLAIN")
    rows = json.loads(server.ctl("--json", "user_sessions_info", "alice", "localhost").out)
    check("behind a proxy the address is the client's", any("192.0.2.7" in json.dumps(row) for row in rows), rows)
    answer = session().ask("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>")
    check("PLAIN is refused there", answer.elements and answer.elements[0].name == "failure", answer.text)


def limits():
    server.configure(c2s={"max_output": "64k"})
    server.reload()
    alice, bob = idle("alice", "slow"), server.login("bob")
    for _ in range(100):
        bob.send(message(alice.jid, "x" * 2000))
    bob.sync()
    server.wait_log("cut off a client that does not read")
    answer = alice.ask()
    check("a client that does not ask is cut off", terminal(answer) == "item-not-found", answer.text[:200])
    server.configure(c2s={})
    server.reload()
    bob.ends()


def stops():
    alice, bob = idle("alice", "last"), server.login("bob")
    held = hold(alice, bob)
    check("a request waits", held.waits(0.1))
    server.process.terminate()
    answer = held.answer()
    check("the end of the server is told", terminal(answer) == "system-shutdown", answer.text)
    server.stop()
    check("nothing went wrong inside", not re.search(r" error ", server.log()), server.log()[-1000:])


def everything():
    with server:
        server.register("alice", "bob")
        for part in (creation, requests, cors, chat, waiting, order, repeats, lost, silence, endings, old_clients, polling,
                     everywhere, security, limits, stops):
            try:
                part()
            except (Ended, Late, KeyError, IndexError) as error:
                check(f"{part.__name__} comes to its end", False, repr(error))


run(everything)
