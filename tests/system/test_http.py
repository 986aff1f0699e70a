#!/usr/bin/env python3
"""The HTTP service: requests that are well formed, broken, slow, too large; CORS; what is behind the well-known paths.

A client asks over one connection, several times, in pieces or ahead of the answers. Whatever two servers could read
differently is refused and the connection closed. Slow clients are sent away, others go on meanwhile.
"""
import json
import re
import socket
import ssl
import xml.etree.ElementTree as ET

from bongsu import Server, check, refused, run, wait_for
from bongsu.bosh import Session, body
from bongsu.checks import WAIT
from bongsu.client import Ended
from bongsu.web import Http, ask, seconds_of

JSON = "/.well-known/host-meta.json"
XRD = "/.well-known/host-meta"
LISTEN = {"http": {"service": "http"}, "https": {"service": "http", "tls": "direct"},
          "proxied": {"service": "http", "proxies": ["127.0.0.0/8", "2001:db8::/32"]}}
HTTP = {"public_url": "https://web.example/@HOST@/"}
server = Server(listen=LISTEN, hosts=["localhost", "example.org"], log={"level": "debug"},
                http=HTTP)
HEAD = b"GET " + JSON.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"

# what is wrong, the status, and what is sent
WRONG = [
    ("garbage", 400, b"hello\r\n\r\n"),
    ("a method that nobody knows", 501, b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("another version", 505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("another protocol", 400, b"GET / XMPP/1.1\r\nHost: a\r\n\r\n"),
    ("no target", 400, b"GET  HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a relative target", 400, b"GET index HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a fragment", 400, b"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("broken percent signs", 400, b"GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a NUL in the path", 400, b"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a way out of the tree", 400, b"GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a target without end", 414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no Host", 400, b"GET / HTTP/1.1\r\n\r\n"),
    ("Host twice", 400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    ("a Host with a path", 400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("a space before the colon", 400, HEAD + b"A : b\r\n\r\n"),
    ("a header without a name", 400, HEAD + b": b\r\n\r\n"),
    ("a header without a colon", 400, HEAD + b"ab\r\n\r\n"),
    ("a folded header", 400, HEAD + b"A: b\r\n c\r\n\r\n"),
    ("a control character", 400, HEAD + b"A: b\x01\r\n\r\n"),
    ("a bare CR", 400, HEAD + b"A: b\rc\r\n\r\n"),
    ("two lengths", 400, HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    ("a list of lengths", 400, HEAD + b"Content-Length: 1, 1\r\n\r\na"),
    ("a negative length", 400, HEAD + b"Content-Length: -1\r\n\r\n"),
    ("a signed length", 400, HEAD + b"Content-Length: +1\r\n\r\na"),
    ("length and chunks", 400, HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na"),
    ("chunks twice", 400, HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("chunks in HTTP/1.0", 400, b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("another encoding", 501, HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n"),
    ("a chunk without a size", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"),
    ("a chunk that is longer than it says", 400,
     b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"),
    ("a chunk without bound", 413,
     b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n"),
    ("a chunk's size that overflows", 400,
     b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\na"),
    ("endless trailers", 400,
     b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 2000),
    ("a body that is not wanted", 413, HEAD + b"Content-Length: 1\r\n\r\na"),
    ("a body that is too large", 413, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"),
    ("too many headers", 431, HEAD + b"A: b\r\n" * 100 + b"\r\n"),
    ("a header without end", 431, HEAD + b"A: " + b"b" * 20000),
]


def wrong():
    for what, status, data in WRONG:
        with Http(server.ports["http"]) as http:
            http.send(data)
            answer = http.answer()
            check(f"{what}: {status}", answer.status == status and answer.headers.get("connection") == "close", answer)
            check(f"{what}: and the end", http.ended())


def one_connection():
    with Http(server.ports["http"]) as http:
        check("a path that nobody serves is not found", http.ask("GET", "/nothing").status == 404)
        answer = http.ask("POST", JSON, "")
        check("other methods are not allowed", answer.status == 405 and answer.headers["allow"] == "GET, HEAD, OPTIONS", answer)
        whole, head = http.ask("GET", JSON), http.ask("HEAD", JSON)
        check("HEAD is GET without a body", head.headers["content-length"] == str(len(whole.body)) and head.status == 200, head)
        check("answers have a date and forbid guessing", "GMT" in whole.headers["date"] and
              whole.headers["x-content-type-options"] == "nosniff", whole.headers)
        check("a query changes nothing", http.ask("GET", JSON + "?password=hunter2").body == whole.body)
        check("nor does an absolute target", http.ask("GET", f"http://localhost{JSON}").body == whole.body)
        check("nor percent signs", http.ask("GET", JSON.replace("host", "%68o%73t")).body == whole.body)
        for byte in Http.request("GET", JSON):
            http.send(bytes([byte]))
        check("a request may come byte by byte", http.answer().body == whole.body)
        http.send(b"\r\n\r\n" + Http.request("GET", JSON) * 20)
        check("requests may come ahead of answers", all(http.answer().body == whole.body for _ in range(20)))
        http.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\nbody\r\n0\r\nA: b\r\n\r\n")
        check("chunks are read over", http.answer().status == 404)
        http.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        check("who asks is told to go on", http.head()[0] == 100)
        http.send("body")
        check("and gets an answer", http.answer().status == 404)
        check("the last request closes", http.ask("GET", JSON, Connection="close").headers["connection"] == "close")
        check("the connection", http.ended())
    with Http(server.ports["http"]) as http:
        http.send(f"GET {JSON} HTTP/1.0\r\n\r\n")
        check("HTTP/1.0 gets an answer", http.answer().body == whole.body)
        check("and the end", http.ended())
    log = server.wait_log(r"answered GET /\.well-known/host-meta\.json from 127\.0\.0\.1 with 200, \d+ bytes")
    check("requests are logged without their queries", log and "hunter2" not in server.log())


def secure():
    with Http(server.ports["https"], secure=True) as http:
        check("HTTP goes over TLS", http.ask("GET", JSON).status == 200 and
              http.socket.selected_alpn_protocol() == "http/1.1", http.socket.selected_alpn_protocol())
    refused("nobody pretends to speak HTTP/2", lambda: Http(server.ports["https"], secure=True, alpn=("h2",)), ssl.SSLError,
            OSError)
    with Http(server.ports["https"], secure=True, alpn=("h2", "http/1.1")) as http:
        check("HTTP/1.1 is chosen", http.socket.selected_alpn_protocol() == "http/1.1")


def slow():
    server.configure(http=HTTP | {"request_timeout": "2s", "idle_timeout": "4s"})
    server.reload()

    def trickle():
        with Http(server.ports["http"]) as http:
            http.socket.settimeout(0.1)
            sent = 0
            while True:
                http.send(b"A" if sent == 0 else b"a")
                sent += 1
                try:
                    http.read()
                    http.socket.settimeout(30)
                    return http.answer().status
                except TimeoutError:
                    pass
    took, status = seconds_of(trickle)
    check("a slow request ends", status == 408 and 1.5 < took < WAIT, (took, status))

    def silent(path=None):
        with Http(server.ports["http"]) as http:
            if path:
                http.ask("GET", path)
            return http.ended()
    took, closed = seconds_of(silent)
    check("a connection without a request ends without a word", closed and took > 3, took)
    took, closed = seconds_of(lambda: silent(JSON))
    check("also after a request", closed and took > 3, took)
    with Http(server.ports["http"]) as http:
        http.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        answer = http.answer()
        check("a body that does not come ends the request", answer.status == 408, answer)
    server.configure(http=HTTP)
    server.reload()


def does_not_read():
    """Answers that nobody takes stop the reading, and memory stays as it was."""
    before = server.memory()
    with Http(server.ports["http"]) as http:
        http.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        http.socket.settimeout(2)
        request = Http.request("GET", JSON) * 1000
        sent = 0
        try:
            while sent < 100_000_000:
                sent += http.socket.send(request)
        except TimeoutError:
            pass
        check("a client that does not read is not read", 0 < sent < 100_000_000, sent)
        check("and costs little", server.memory() - before < 30_000, server.memory() - before)
        check("others go on", ask(server.ports["http"], "GET", JSON).status == 200)


def cors():
    port = server.ports["http"]
    for path in (XRD, JSON):
        for origin in ("https://elsewhere.example", "null"):
            answer = ask(port, "GET", path, Origin=origin)
            check(f"{origin} may read {path}", answer.headers.get("access-control-allow-origin") == "*", answer)
    answer = ask(port, "OPTIONS", JSON, Origin="null", Access_Control_Request_Method="GET")
    check("a preflight is answered", answer.status == 204 and answer.headers["access-control-allow-origin"] == "*" and
          "GET" in answer.headers["access-control-allow-methods"], answer)
    check("OPTIONS * is answered", ask(port, "OPTIONS", "*").status == 204)
    check("OPTIONS elsewhere is not", ask(port, "OPTIONS", "/nothing").status == 404)
    check("other answers say nothing of scripts", "access-control-allow-origin" not in ask(port, "GET", "/nothing").headers)


def discovery():
    """XEP-0156, XEP-0487."""
    port = server.ports["http"]
    answer = ask(port, "GET", XRD, Host="example.org:80")
    links = {link.get("rel"): link.get("href") for link in ET.fromstring(answer.body)}
    wanted = {"urn:xmpp:alt-connections:websocket": "wss://web.example/example.org/xmpp-websocket",
              "urn:xmpp:alt-connections:xbosh": "https://web.example/example.org/http-bind"}
    check("host-meta names the endpoints of the host", links == wanted and
          answer.headers["content-type"].startswith("application/xrd+xml"), answer)
    answer = ask(port, "GET", JSON, Host="example.org")
    check("host-meta.json too", {link["rel"]: link["href"] for link in json.loads(answer.body)["links"]} == wanted, answer)
    check("without addresses there is no host-meta-2.json", ask(port, "GET", "/.well-known/host-meta-2.json").status == 404)
    server.configure(modules={"discovery": {"addresses": ["192.0.2.1", "2001:db8::1"], "ttl": "10m"}})
    server.reload()
    answer = ask(port, "GET", "/.well-known/host-meta-2.json", Origin="null")
    check("which all may read", answer.headers.get("access-control-allow-origin") == "*", answer)
    document = json.loads(answer.body)
    check("with them there is", document["xmpp"] == {"ttl": 600} and len(document["links"]) == 2 and
          all(link["ips"] == ["192.0.2.1", "2001:db8::1"] and link["sni"] == "localhost" for link in document["links"]),
          document)
    server.configure(http={"bosh": "-", "websocket": "/ws"})
    server.reload()
    check("without a public address nothing is made up", json.loads(ask(port, "GET", JSON).body) == {"links": []})
    server.configure(http={"bosh": "-", "websocket": "/ws", "public_url": "https://only.example"})
    server.reload()
    check("paths are configured", json.loads(ask(port, "GET", JSON).body)["links"] ==
          [{"rel": "urn:xmpp:alt-connections:websocket", "href": "wss://only.example/ws"}])
    server.configure(http={"public_url": "http://only.example"})
    done = server.reload()
    check("addresses without TLS are refused", done.code and "https://" in done.err, done)
    server.configure(http={}, modules={"discovery": False})
    server.reload()
    check("a module that is off serves nothing", ask(port, "GET", JSON).status == 404)


# who the client is, and what the headers are
FORWARDED = [
    ("127.0.0.1", {}),
    ("192.0.2.7", {"X_Forwarded_For": "192.0.2.7"}),
    ("192.0.2.7", {"X_Forwarded_For": "203.0.113.1, 192.0.2.7"}),
    ("192.0.2.7", {"X_Forwarded_For": "203.0.113.1, 192.0.2.7, 2001:db8::5,127.0.0.9"}),
    ("127.0.0.1", {"X_Forwarded_For": "nonsense"}),
    ("127.0.0.9", {"X_Forwarded_For": "unknown, 127.0.0.9"}),
    ("192.0.2.7", {"Forwarded": "for=192.0.2.7;proto=https"}),
    ("2001:dba::1", {"Forwarded": 'for=192.0.2.1, For="[2001:dba::1]:4711"'}),
    ("192.0.2.7", {"Forwarded": "for=192.0.2.7", "X_Forwarded_For": "203.0.113.1"}),
    ("127.0.0.1", {"Forwarded": "for=_hidden, proto=http"}),
    ("192.0.2.7", {"Forwarded": 'by="a,b;for=1.2.3.4";for="192.0.2.7:80"'}),
]


def forwarded():
    for i, (client, headers) in enumerate(FORWARDED):
        ask(server.ports["proxied"], "GET", f"/forwarded-{i}", **headers)
        found = server.wait_log(rf"answered GET /forwarded-{i} from (\S+) with")
        check(f"a proxy is believed: {headers}", found[1] == client, found[1])
    ask(server.ports["http"], "GET", "/unlisted", X_Forwarded_For="192.0.2.7", Forwarded="for=192.0.2.7")
    check("others are not", server.wait_log(r"answered GET /unlisted from (\S+) with")[1] == "127.0.0.1")


def rate():
    """An address may make so many requests; sessions of BOSH, which have limits of their own, and others go on."""
    server.configure(http=HTTP | {"requests_per_second": 1, "burst_requests": 5})
    server.reload()
    client = {"X_Forwarded_For": "192.0.2.50", "X_Forwarded_Proto": "https"}
    port = server.ports["proxied"]
    session = Session(port, headers=client)
    check("a BOSH session begins", session.create().status == 200)

    def flood(*request, **headers):
        answers = []
        with Http(port) as http:
            while len(answers) < 200 and (not answers or answers[-1].status != 429):  # a slow machine gets more answers
                answers.append(http.ask(*request, **client | headers))
        return answers[-1]
    answer = flood("GET", JSON, Origin="https://chat.example")
    check("too many requests of an address are refused", answer.status == 429 and
          1 <= int(answer.headers["retry-after"]) <= 5 and answer.headers["access-control-allow-origin"] == "*", answer)
    for what, request in [("preflights", ("OPTIONS", "/http-bind")), ("paths that nobody serves", ("GET", "/nothing")),
                          ("WebSockets", ("GET", "/xmpp-websocket")), ("other methods", ("DELETE", JSON)),
                          ("sessions", ("POST", "/http-bind", body(rid=5, to="localhost"))),
                          ("requests without a session", ("POST", "/http-bind", body(rid=5, sid="nobody-0"))),
                          ("what is no request", ("POST", "/http-bind", "hello"))]:
        check(f"also {what}", flood(*request).status == 429)
    answers = [session.ask(xmpp_restart="true", to="localhost") for _ in range(20)]
    check("a session that is there is not hurt", all(answer.status == 200 for answer in answers), answers[-1])
    check("nor is another address", ask(port, "GET", JSON, X_Forwarded_For="192.0.2.51").status == 200)
    check("nor who comes from here", all(ask(server.ports["http"], "GET", JSON).status == 200 for _ in range(20)))

    def admitted():
        return ask(port, "GET", JSON, **client).status == 200
    wait_for("after a while there are more", admitted)
    server.configure(http=HTTP | {"requests_per_second": 0})
    server.reload()
    with Http(port) as http:
        check("without a limit there is none", all(http.ask("GET", JSON, **client).status == 200 for _ in range(100)))
    server.configure(http=HTTP)
    server.reload()


def stops():
    with Http(server.ports["http"]) as idle, Http(server.ports["http"]) as busy:
        idle.ask("GET", "/")
        busy.send("GET / HTTP/1.1\r\n")
        server.stop()
        check("idle connections end with the server", idle.ended())
        try:
            busy.read()
            check("half a request too", False, busy.got)
        except Ended:
            check("half a request too", True)


def listens():
    """Rows of `listen` that make no sense."""
    for row, complaint in [({"service": "http", "starttls": "required"}, "starttls on a listener for http"),
                           ({"service": "http", "proxies": ["192.0.2.1/24"]}, "proxies has"),
                           ({"service": "c2s", "starttls": "off", "proxies": ["example.org"]}, "proxies has"),
                           ({"service": "http", "proxy_protocol": True}, "proxy_protocol without proxies")]:
        bad = Server("bad", listen={"bad": row})
        refused(f"{complaint} is refused", bad.start, TimeoutError)
        check("and told", re.search(complaint, bad.log()), bad.log())
        bad.kill()


def everything():
    with server:
        for part in (wrong, one_connection, secure, slow, does_not_read, cors, forwarded, rate, discovery, stops):
            part()
    listens()


run(everything)
