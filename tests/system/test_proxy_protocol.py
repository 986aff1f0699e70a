#!/usr/bin/env python3
"""The PROXY protocol, versions 1 and 2, before streams and before HTTP.

On listeners that ask for it, connections from listed proxies begin with a header that says who the client is; what
follows is as ever, with TLS too. Whoever is not listed, or sends something else, is refused. On other listeners the
header is what it looks like: garbage.
"""
import re
import socket
import struct

from bongsu import Client, Server, check, run, tls, wait_for
from bongsu.client import Ended
from bongsu.web import Http

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXIES = {"proxy_protocol": True, "proxies": ["127.0.0.1"]}
LISTEN = {"plain": {"service": "c2s", "starttls": "off"} | PROXIES,
          "tls": {"service": "c2s", "tls": "direct"} | PROXIES,
          "http": {"service": "http"} | PROXIES,
          "open": {"service": "c2s", "starttls": "off"}}
server = Server(listen=LISTEN, c2s={"max_connections_per_address": 3})


def v2(command, family, addresses, *extensions):
    inside = addresses + b"".join(struct.pack("!BH", kind, len(value)) + value for kind, value in extensions)
    return SIGNATURE + struct.pack("!BBH", command, family, len(inside)) + inside


def v4(client, *extensions):
    return v2(0x21, 0x11, socket.inet_aton(client) + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 1234, 443), *extensions)


def v6(client):
    return v2(0x21, 0x21, socket.inet_pton(socket.AF_INET6, client) * 2 + struct.pack("!HH", 1234, 443))


OVER_TLS = (0x20, struct.pack("!BI", 1, 0) + struct.pack("!BH", 0x21, 7) + b"TLSv1.3")

# the header, and whom the log names
GOOD = [
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "127.0.0.1"),
    (v4("192.0.2.8"), "192.0.2.8"),
    (v4("192.0.2.8", (0x04, b"\0" * 100), (0x30, b"net")), "192.0.2.8"),
    (v4("192.0.2.8", OVER_TLS), "192.0.2.8"),
    (v6("2001:db8::8"), "2001:db8::8"),
    (v2(0x20, 0x00, b""), "127.0.0.1"),
    (v2(0x20, 0x11, b"\1" * 12), "127.0.0.1"),
    (v2(0x21, 0x31, b"\1" * 216), "127.0.0.1"),
]

BAD = [
    b"<?xml version='1.0'?>",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"PROXY\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 56324\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443 1\r\n",
    b"PROXY TCP4 192.0.2.700 192.0.2.1 56324 443\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 66324 443\r\n",
    b"PROXY TCP6 192.0.2.7 192.0.2.1 56324 443\r\n",
    b"PROXY TCP4 example.org 192.0.2.1 56324 443\r\n",
    b"PROXY TCP4 " + b"1" * 200,
    v2(0x11, 0x11, b"\1" * 12),
    v2(0x22, 0x11, b"\1" * 12),
    v2(0x21, 0x11, b"\1" * 11),
    v2(0x21, 0x21, b"\1" * 12),
    v2(0x21, 0x11, b"\1" * 12 + b"\x04\xff\xff"),
    v2(0x21, 0x11, b"\1" * 60000),
]


def accepted():
    """Whom the newest line about an accepted connection names."""
    return server.wait_log(r"(?s).*accepted a connection from (\S+)")[1]


def good():
    for header, who in GOOD:
        for cut in (len(header), 1, len(header) - 1):
            with server.connect() as client:
                client.send(header[:cut])
                client.send(header[cut:])
                client.open()
                check(f"{header[:60]} in two pieces ({cut}) means {who}", accepted() == who and client.features, accepted())


def one_piece():
    with server.connect() as client:
        client.send(GOOD[0][0] + client.header().encode())
        check("the stream may come with the header", client.wait("mechanisms"))
    with server.connect() as client:
        client.send(v4("192.0.2.8"))
        client.open()
        client.login("alice")
        check("a user logs in through a proxy", client.jid)
        log = server.wait_log(r"Accepted c2s \S+ authentication for alice@localhost from (\S+)")
        check("from the true address", log[1] == "192.0.2.8", log[1])


def plain_by_tls():
    with server.connect() as client:
        client.send(v4("192.0.2.8"))
        client.open()
        check("PLAIN is not offered in clear", "PLAIN" not in client.mechanisms(), client.features)
    with server.connect() as client:
        client.send(v4("192.0.2.8", OVER_TLS))
        client.open()
        check("but to clients whose TLS ends at the proxy", "PLAIN" in client.mechanisms() and
              not any("PLUS" in m for m in client.mechanisms()), client.features)
        check("who log in with it", client.authenticate("alice", "secret", "PLAIN").name == "success")
    for together in (True, False):
        client = Client(server.ports["tls"], "localhost")
        header = v4("192.0.2.9")
        client.send(header if together else header[:10])
        if not together:
            client.send(header[10:])
        client.secure(tls.client_context())
        client.open()
        check("TLS may begin behind the header", any("PLUS" in m for m in client.mechanisms()) and accepted() == "192.0.2.9",
              client.features)
        check("with its channel bindings",
              client.authenticate("alice", "secret", "SCRAM-SHA-256-PLUS", "tls-exporter").name == "success")
        client.close()


def bad():
    for data in BAD:
        with server.connect() as client:
            client.send(data)
            check(f"{data[:60]} is refused", client.ended() is None and not client.got, client.got)
    with server.connect() as client:
        check("so is silence", client.ended() is None and not client.got)
    check("and logged", len(re.findall("does not begin with a PROXY header", server.log())) >= 1, server.log()[-2000:])
    with server.connect(source="127.0.0.2") as client:
        check("others than the proxies are refused", client.ended() is None)
    with server.connect("open") as client:
        client.send(GOOD[0][0] + client.header().encode())
        check("where no header is wanted, it is an error", client.ended() == "not-well-formed", client.got)


def counted():
    """Clients are counted, the proxy is not."""
    held = []
    for _ in range(3):
        client = server.connect()
        client.send(v4("203.0.113.5"))
        client.open()
        held.append(client)
    with server.connect() as client:
        client.send(v4("203.0.113.5"))
        check("a client has so many connections at most", client.ended() is None)
    for i in range(5):
        client = server.connect()
        client.send(v4(f"203.0.113.{10 + i}"))
        client.open()
        held.append(client)
    check("the proxy has many", len(held) == 8)
    for client in held:
        client.ends()
        client.close()

    def comes_in():
        with server.connect() as client:
            client.send(v4("203.0.113.5"))
            try:
                return client.open()
            except Ended:
                return None
    wait_for("what ended counts no more", comes_in)


def looks():
    """A proxy that looks whether the server is there, and nothing else, is no client."""
    before = server.log().count("accepted a connection from 127.0.0.1")
    for port in ("plain", "tls", "http"):
        for header in (v2(0x20, 0x00, b""), b"PROXY UNKNOWN\r\n"):
            with server.connect(port, direct=None) as client:
                client.send(header)
                client.socket.shutdown(socket.SHUT_WR)
                check(f"a health check of {port} ends", client.ended() is None and not client.got)
    found = server.log().count("accepted a connection from 127.0.0.1") - before
    check("and is no line in the log", found == 0, found)


def over_http():
    with Http(server.ports["http"]) as http:
        http.send(v4("192.0.2.10") + Http.request("GET", "/proxied"))
        check("HTTP comes through a proxy", http.answer().status == 404)
        found = server.wait_log(r"answered GET /proxied from (\S+)")
        check("from the true address", found[1] == "192.0.2.10", found[1])
    with Http(server.ports["http"]) as http:
        http.send(v4("192.0.2.10"))
        http.ask("GET", "/lied", X_Forwarded_For="203.0.113.99")
        found = server.wait_log(r"answered GET /lied from (\S+)")
        check("who is no proxy is not believed", found[1] == "192.0.2.10", found[1])


def everything():
    with server:
        server.register("alice")
        for part in (good, one_piece, plain_by_tls, bad, counted, looks, over_http):
            part()
        server.stop()


run(everything)
