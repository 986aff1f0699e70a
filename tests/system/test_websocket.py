#!/usr/bin/env python3
"""XMPP over WebSocket (RFC 7395): handshake, framing, pings, broken frames, the ways to end, moving and resuming.

Alice's page speaks WebSocket, bob's client TCP, and they chat. Frames come whole, in fragments, in pieces, with pings
between; then unmasked, too large, in the wrong order, at the wrong time.
"""
import json
import os
import time

from bongsu import Server, check, run, skip
from bongsu.bosh import BoshClient
from bongsu.client import NAMESPACES, Ended, Late
from bongsu.web import Http, ask
from bongsu.websocket import BINARY, CLOSE, FRAMING, PING, PONG, TEXT, WebSocket, frame, handshake, qualify

LISTEN = {"plain": {"service": "c2s", "starttls": "off"}, "http": {"service": "http"},
          "https": {"service": "http", "tls": "direct"},
          "proxied": {"service": "http", "proxies": ["127.0.0.0/8"]}}
server = Server(listen=LISTEN, hosts=["localhost", "example.org"], workers=4, log={"level": "debug"})
SM = "urn:xmpp:sm:3"
OPEN = f"<open xmlns='{FRAMING}' to='localhost' version='1.0'/>"


def connect(port="http", **how):
    return WebSocket(server.ports[port], secure=port == "https", **how)


def login(user, resource=None, port="http", **how):
    client = connect(port, **how)
    client.open()
    return client.login(user, "secret", resource)


# what is wrong with the handshake, and the status
HANDSHAKES = [
    ("no upgrade", 426, {"Upgrade": None}),
    ("another upgrade", 426, {"Upgrade": "h2c"}),
    ("no connection header", 426, {"Connection": "keep-alive"}),
    ("an old version", 426, {"Sec_WebSocket_Version": "8"}),
    ("no key", 400, {"Sec_WebSocket_Key": None}),
    ("a short key", 400, {"Sec_WebSocket_Key": "AAAA"}),
    ("no subprotocol", 400, {"Sec_WebSocket_Protocol": None}),
    ("another subprotocol", 400, {"Sec_WebSocket_Protocol": "mqtt, chat"}),
]


def handshakes():
    for what, status, headers in HANDSHAKES:
        answer = connect(handshake_with=headers).answer
        check(f"{what}: {status}", answer[0] == status, answer)
        if status == 426:
            check("with the version that is served", answer[1]["sec-websocket-version"] == "13" and
                  answer[1]["upgrade"] == "websocket", answer)
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    client = connect(handshake_with={"Sec_WebSocket_Key": key, "Connection": "keep-alive, Upgrade",
                                     "Sec_WebSocket_Protocol": "mqtt, xmpp", "Sec_WebSocket_Extensions": "permessage-deflate"})
    status, headers = client.answer
    check("the handshake is answered", status == 101 and headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" and
          headers["sec-websocket-protocol"] == "xmpp" and "sec-websocket-extensions" not in headers, client.answer)
    check("POST is not allowed", ask(server.ports["http"], "POST", "/xmpp-websocket", "").status == 405)
    with Http(server.ports["http"]) as http:
        http.ask("GET", "/")
        http.send(handshake())
        check("a connection may be upgraded after other requests", http.head()[0] == 101)


def origins():
    server.configure(http={"origins": ["https://chat.example", "null"]})
    server.reload()
    for origin, status in [("https://chat.example", 101), ("https://evil.example", 403), ("null", 101), (None, 101)]:
        answer = connect(handshake_with={"Origin": origin}).answer
        check(f"{origin} gets {status}", answer[0] == status, answer)
    server.configure(http={})
    server.reload()
    check("by default all sites may", connect(handshake_with={"Origin": "https://evil.example"}).answer[0] == 101)


def opening():
    client = connect()
    client.send(OPEN)
    opened = client.wait()
    check("<open/> is answered", opened.name == "open" and opened.ns == FRAMING and opened.get("from") == "localhost" and
          opened.get("version") == "1.0" and opened.get("id") and opened.xml.get("{http://www.w3.org/XML/1998/namespace}lang"),
          opened)
    features = client.wait()
    check("features declare the prefix that they use", features.raw.startswith("<stream:features") and
          features.find("sasl:mechanisms"), features)
    check("STARTTLS is not among them", not features.find("tls:starttls"), features)
    client = connect(behind=frame(OPEN))
    check("<open/> may come with the handshake", client.wait(lambda e: e.name == "features"))
    client = connect()
    for byte in frame(OPEN):
        client.send(bytes([byte]))
    check("or byte by byte", client.wait(lambda e: e.name == "features"))


# what is wrong in a stream that is not open yet, the condition, the message
BEFORE = [
    ("a stream of TCP", "restricted-xml", "<?xml version='1.0'?><stream:stream xmlns='jabber:client'/>"),
    ("an old stream", "bad-format", f"<stream:stream xmlns='jabber:client' xmlns:stream='{NAMESPACES['s']}' to='localhost'/>"),
    ("another namespace", "invalid-namespace", "<open xmlns='urn:example' to='localhost' version='1.0'/>"),
    ("something else", "bad-format", "<message xmlns='jabber:client'/>"),
    ("an unknown host", "host-unknown", OPEN.replace("localhost", "elsewhere.example")),
    ("no host", "improper-addressing", OPEN.replace("to='localhost'", "")),
    ("no version", "unsupported-version", OPEN.replace("version='1.0'", "")),
    ("half an element", "not-well-formed", "<open xmlns='" + FRAMING + "'>"),
]
# and in one that is
AFTER = [
    ("two elements", "bad-format", "<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>"),
    ("white space", "bad-format", " "),
    ("white space before an element", "bad-format", " <presence xmlns='jabber:client'/>"),
    ("text", "bad-format", "hello"),
    ("nothing", "bad-format", ""),
    ("a closing tag", "not-well-formed", "</stream:stream>"),
    ("an unfinished element", "not-well-formed", "<presence xmlns='jabber:client'>"),
    ("no namespace", "invalid-namespace", "<auth/>"),
    ("a prefix that only a stream would declare", "bad-namespace-prefix", "<stream:features/>"),
    ("a comment", "restricted-xml", "<!-- a -->"),
    ("CDATA", "restricted-xml", "<!DOCTYPE x>"),
    ("a stanza too early", "not-authorized", "<message xmlns='jabber:client'/>"),
    ("a second <open/>", "bad-format", OPEN),
]


def wrong_messages():
    for what, condition, message in BEFORE:
        client = connect()
        client.send(frame(message))
        got = client.ended()
        names = [e.name for e in client.came]
        check(f"{what}: {condition}", got == condition and names == ["open", "error", "close"], client.got)
        check("and a close frame", client.parser.code == 1000, client.parser.code)
    for what, condition, message in AFTER:
        client = connect()
        client.open()
        client.send(frame(message))
        got = client.ended()
        check(f"{what}: {condition}", got == condition, client.got)


# what is wrong with frames, the code of the answer, what is sent
FRAMES = [
    ("an unmasked frame", 1002, frame(OPEN, mask=None)),
    ("a binary message", 1003, frame(OPEN, BINARY)),
    ("a reserved bit (compression)", 1002, frame(OPEN, reserved=0x40)),
    ("an unknown frame", 1002, frame("", 3)),
    ("an unknown control frame", 1002, frame("", 11)),
    ("a continuation of nothing", 1002, frame(OPEN, 0)),
    ("a message within a message", 1002, frame("<a", TEXT, False) + frame(OPEN)),
    ("a fragmented ping", 1002, frame("a", PING, False)),
    ("a large ping", 1002, frame("a" * 126, PING)),
    ("a length that is longer than need be", 1002, frame(OPEN, length=b"\x7e\x00" + bytes([len(OPEN)]))),
    ("a length that is longer still", 1002, frame(OPEN, length=b"\x7f" + b"\0" * 7 + bytes([len(OPEN)]))),
    ("a negative length", 1002, frame("", length=b"\x7f" + b"\xff" * 8)),
    ("a message that is too large", 1009, frame("<a xmlns='b'>" + "x" * 20000 + "</a>")),
    ("a message that says it will be", 1009, frame("", length=b"\x7f\0\0\0\1\0\0\0\0")),
    ("fragments that are too large together", 1009, frame("<a>" + "x" * 9000, TEXT, False) + frame("x" * 9000, 0)),
    ("bytes that are not UTF-8", 1007, frame(b"<a xmlns='b'>\xff</a>")),
    ("a close frame with half a code", 1002, frame("a", CLOSE)),
    ("a close frame with a code that nobody sends", 1002, frame(b"\x03\xee", CLOSE)),
]


def wrong_frames():
    for what, code, data in FRAMES:
        client = connect()
        client.send(data)
        client.ended()
        check(f"{what}: {code}", client.parser.code == code, client.got)
    client = connect()
    client.open()
    client.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    check("STARTTLS fails", client.ended() == "" and client.came[-2].name == "failure", client.got)
    client = connect()
    client.open()
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    client.ended()
    check("HTTP after the handshake is no frame", client.parser.code == 1002, client.got)


def fragments():
    client = connect()
    for i, piece in enumerate([OPEN[j:j + 10] for j in range(0, len(OPEN), 10)]):
        client.send(frame(piece, 0 if i else TEXT, False) + frame(f"ping {i}", PING))
    client.send(frame("", 0, False) + frame("", 0))
    check("a message may come in fragments", client.wait(lambda e: e.name == "features"))
    check("with pings between, which are answered", client.parser.pongs[:2] == [b"ping 0", b"ping 1"], client.parser.pongs)
    client.send(frame("unasked", PONG))
    client.login("alice", resource="fragments")
    text = "봉수 🔥 " * 10000
    element = qualify(f"<message to='{client.jid}' type='chat'><body>{text}</body></message>").encode()
    client.send(frame(element[:70001], TEXT, False) + frame(element[70001:100000], 0, False) + frame(element[100000:], 0))
    check("also a large one, cut within a character", client.wait("<body>").text("c:body") == text)
    two = qualify(f"<message to='{client.jid}'><body>1</body></message>")
    client.send(frame(two) + frame(two.replace("1", "2")) + frame("x", PING))
    check("many frames may come at once", [client.wait("<body>").text("c:body") for _ in range(2)] == ["1", "2"])
    client.wait_frame(lambda frames: b"x" in frames.pongs)
    for size in (125 - 90, 60, 65535 - 90, 65536 - 90, 65537, 99000):
        body = "x" * size
        client.send(f"<message to='{client.jid}'><body>{body}</body></message>")
        check(f"a message of about {size} bytes comes back", client.wait("<body>").text("c:body") == body)
    client.ends()


def chat():
    bob = server.login("bob", "tcp")
    for port in ("http", "https"):
        alice = login("alice", f"web-{port}", port)
        alice.available()
        bob.send(f"<message to='{alice.jid}' type='chat'><body>안녕</body></message>")
        got = alice.wait("<body>")
        check(f"bob writes to alice over {port}", got.get("from") == bob.jid and got.text("c:body") == "안녕" and
              got.ns == "jabber:client", got)
        alice.send(f"<message to='{bob.jid}' type='chat'><body>hello</body></message>")
        check("and she answers", bob.wait("<body>hello</body>").get("from") == alice.jid)
        check("she is among the sessions", "websocket" in server.ctl("--json", "user_sessions_info", "alice", "localhost").out)
        check("her stream ends as it should", alice.ends() == "" and alice.parser.code == 1000)
    bob.ends()


def security():
    client = connect("https")
    client.open()
    check("over TLS there are PLAIN and channel binding", {"PLAIN", "SCRAM-SHA-256-PLUS"} <= {*client.mechanisms()},
          client.features)
    check("which hold", client.authenticate("alice", "secret", "SCRAM-SHA-256-PLUS", "tls-exporter").name == "success")
    client = connect()
    client.open()
    check("in clear there are neither", not {"PLAIN", "SCRAM-SHA-256-PLUS"} & {*client.mechanisms()}, client.features)
    client.auth("PLAIN", "\0alice\0secret")
    check("PLAIN is refused", client.wait("failure").condition in ("invalid-mechanism", "encryption-required"))
    client = connect("proxied", handshake_with={"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https"})
    client.open()
    check("behind a proxy with TLS there is PLAIN, and no channel binding",
          "PLAIN" in client.mechanisms() and "SCRAM-SHA-256-PLUS" not in client.mechanisms(), client.features)
    check("which works", client.authenticate("alice", "secret", "PLAIN").name == "success")
    client.open()
    client.bind("proxied")
    rows = json.loads(server.ctl("--json", "user_sessions_info", "alice", "localhost").out)
    check("and her address is hers", any("192.0.2.7" in json.dumps(row) for row in rows), rows)
    client.ends()
    client = connect("proxied", handshake_with={"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "http"})
    check("in clear from elsewhere nobody comes in", client.answer[0] == 403, client.answer)
    client = connect("proxied", handshake_with={"X_Forwarded_For": "192.0.2.7"})
    check("nor if the proxy does not say", client.answer[0] == 403, client.answer)


def conflict():
    """A session in the place of another, which closes late: both, and how long that took."""
    old = login("alice", "same")
    new = login("alice", "same")
    begin = time.monotonic()
    old.wait(lambda e: e.name == "close")
    check("the server says why it closes", old.came[0].condition == "conflict", [*old.came])
    old.send(f"<message to='{new.jid}'><body>late</body></message>")
    old.send(frame("p", PING) + frame(f"<close xmlns='{FRAMING}'/>"))
    old.ended()
    return new, old, time.monotonic() - begin


def closing():
    client = login("alice", "one")
    client.send(frame(b"\x03\xe8bye", CLOSE))
    client.ended()
    check("a close frame is answered", client.parser.code == 1000 and not client.parser.closed, client.got)
    client = login("alice", "two")
    client.send(frame("", CLOSE) + frame("<presence xmlns='jabber:client'/>"))
    client.ended()
    check("what comes behind it is not read", client.parser.code == 1000, client.got)
    client = login("alice", "three")
    client.send(f"<close xmlns='{FRAMING}'/>")
    check("<close/> is answered, with a close frame", client.ended() == "" and client.parser.code == 1000, client.got)
    for _ in range(3):  # the machine may be too busy for us to come in time
        new, old, took = conflict()
        if took < 1.5:
            break
    check("and waits for the client's <close/>", old.parser.code == 1000 and old.parser.pongs == [b"p"] and took < 1.5,
          (old.got, took))
    newer = login("alice", "same")
    new.ended(polite=False)
    check("but not for long", new.parser.code == 1000 and new.parser.closed, new.got)
    newer.send(f"<close xmlns='{FRAMING}'/>")
    newer.send(frame("<broken", TEXT))
    check("<close/> goes before what follows it", newer.ended() == "" and newer.parser.code == 1000, newer.got)
    crossing = login("alice", "cross")
    server.ctl("kick_session", "alice", "localhost", "cross", "because")
    crossing.send(frame(f"<close xmlns='{FRAMING}'/>") + frame(b"\x03\xe8", CLOSE))
    crossing.ended()
    check("two closings may cross", crossing.parser.code == 1000, crossing.got)


def pings():
    server.configure(http={"websocket_ping": "300ms"}, c2s={"ping_timeout": "4s"})
    server.reload()
    client = login("alice", "quiet")
    for _ in range(3):
        before = client.parser.pings
        client.wait_frame(lambda frames, n=before: frames.pings > n)
        client.send(frame("", PONG))
    check("a quiet client is pinged, and its pongs count", client.sync())
    check("without them it is gone", client.ended() == "connection-timeout", client.got)
    server.configure(http={}, c2s={})
    server.reload()


def resumption():
    alice = login("alice", "page")
    alice.send(f"<enable xmlns='{SM}' resume='true'/>")
    number = alice.wait("<enabled").get("id")
    alice.available()
    alice.send(frame(b"\x03\xe9", CLOSE))
    alice.ended()
    bob = server.login("bob")
    bob.send(f"<message to='{alice.jid}' type='chat'><body>while you were away</body></message>")
    bob.sync()
    again = connect()
    again.open()
    again.authenticate("alice", "secret")
    again.open()
    again.send(f"<resume xmlns='{SM}' previd='{number}' h='1'/>")
    check("a page that was reloaded keeps its session", again.wait("<resumed").get("previd") == number)
    check("and misses nothing", again.wait("<body>").text("c:body") == "while you were away")
    again.jid = alice.jid
    again.ends()
    lost = login("alice", "lost")
    lost.send(f"<enable xmlns='{SM}' resume='true'/>")
    number = lost.wait("<enabled").get("id")
    lost.close()
    tcp = server.client("plain")
    tcp.authenticate("alice", "secret")
    tcp.open()
    tcp.send(f"<resume xmlns='{SM}' previd='{number}' h='0'/>")
    check("a session may go on over TCP", tcp.wait("<resumed"))
    tcp.ends()
    polling = BoshClient(server.ports["http"])
    polling.open()
    polling.login("alice", "secret", "changes")
    polling.send(f"<enable xmlns='{SM}' resume='true'/>")
    number = polling.wait("<enabled").get("id")
    polling.close()
    page = connect()
    page.open()
    page.authenticate("alice", "secret")
    page.open()
    page.send(f"<resume xmlns='{SM}' previd='{number}' h='0'/>")
    check("one that began over BOSH may go on over WebSocket", page.wait("<resumed").get("previd") == number)
    page.send(f"<r xmlns='{SM}'/>")
    check("with its acks", page.wait("<a ").get("h") == "0")
    page.ends()
    bob.ends()


def limits():
    alice = login("alice", "big")
    alice.send(frame("<message xmlns='jabber:client'><body>" + "x" * 1_100_000 + "</body></message>"))
    alice.ended()
    check("a message over the limit ends the connection", alice.parser.code == 1009, alice.got)
    server.configure(c2s={"max_output": "64k"})
    server.reload()
    reader, writer = login("alice", "slow"), server.login("bob")
    try:
        for _ in range(3000):
            writer.send(f"<message to='{reader.jid}'><body>{'x' * 4000}</body></message>")
    except OSError as error:
        check("the writer goes on", False, error)
    server.wait_log("cut off a client that does not read")
    check("a client that does not read is cut off", writer.sync())
    flood = connect()
    flood.open()
    flood.socket.settimeout(5)
    before = server.memory()
    try:
        for _ in range(2000):
            flood.send(frame("x" * 125, PING) * 100)
        check("endless pings are not answered for ever", False)
    except OSError:
        check("endless pings end the connection", True)
    check("and cost little", server.memory() - before < 20000, server.memory() - before)
    server.configure(c2s={})
    server.reload()
    writer.ends()


def history():
    """A client that asks for much history at once and reads late gets all of it."""
    alice, bob = login("alice", "reads"), server.login("bob")
    for i in range(10):
        bob.send(f"<message type='chat' to='alice@localhost' id='h{i}'><body>{'x' * 90000}</body></message>")
    bob.sync()
    for i in range(20):
        alice.send(f"<iq xmlns='jabber:client' type='set' id='many{i}'><query xmlns='urn:xmpp:mam:2'>"
                   "<set xmlns='http://jabber.org/protocol/rsm'><before/></set></query></iq>")
    time.sleep(1)  # it does not read meanwhile
    for i in range(20):
        alice.wait(f"id='many{i}'")
    check("who asks for much history and reads late is not cut off", True)
    alice.ends()
    bob.ends()


def memory():
    """What an idle session costs, over TCP and over WebSocket, in a server that did nothing else."""
    if os.environ.get("BONGSU_SANITIZER"):
        skip("what an idle session costs", "a sanitizer has memory of its own")
        return
    fresh = Server("memory", listen={"plain": LISTEN["plain"], "http": LISTEN["http"]}, c2s={"max_sessions": 10000})
    cost = {}
    with fresh:
        fresh.register("carol")
        held = []
        for kind, count in (("ws", 50), ("tcp", 50), ("tcp", 400), ("ws", 400)):  # the first two bring all to life
            before = fresh.memory()
            for _ in range(count):
                client = WebSocket(fresh.ports["http"]) if kind == "ws" else fresh.connect()
                client.open()
                held.append(client.login("carol"))
            cost[kind] = (fresh.memory() - before) * 1024 // count
        print(f"     an idle session: {cost['tcp']} bytes over TCP, {cost['ws']} over WebSocket")
        check("an idle WebSocket costs at most 2 KB more than TCP", 0 < cost["ws"] <= cost["tcp"] + 2048, cost)
        for client in held:
            client.close()


def stops():
    alice = login("alice", "last")
    alice.available()
    alice.send(frame(f"<message xmlns='jabber:client' to='{alice.jid}'><body>x</body></message>"))
    server.process.terminate()
    alice.wait(lambda e: e.name == "close")
    check("the end of the server is told", any(e.condition == "system-shutdown" for e in alice.came), [*alice.came])
    alice.send(f"<close xmlns='{FRAMING}'/>")
    alice.ended()
    check("with a close frame", alice.parser.code == 1000, alice.got)
    server.stop()


def everything():
    with server:
        server.register("alice", "bob")
        for part in (handshakes, origins, opening, wrong_messages, wrong_frames, fragments, chat, security, closing, pings,
                     resumption, history, limits, memory, stops):
            try:
                part()
            except (Ended, Late) as error:
                check(f"{part.__name__} comes to its end", False, error)


run(everything)
