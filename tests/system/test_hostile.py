#!/usr/bin/env python3
"""Clients that mean no good: noise, streams with some bytes changed, half a handshake, wrong order.

The server goes on, and its memory does not grow beyond a bound. HOSTILE_SEED: of the random numbers (printed).
"""
import os
import random
import socket

from bongsu import WAIT, Server, check, client_context, run
from bongsu.client import SASL

seed = int(os.environ.get("HOSTILE_SEED", str(random.randrange(1 << 32))))
server = Server(c2s={"auth_timeout": "5s"})
HEAD = ("<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>")
VALID = (HEAD + f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>biwsbj1hLHI9YWJj</auth>").encode()
PIECES = [HEAD, f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>", f"<auth xmlns='{SASL}' mechanism='PLAIN'>AGEAYg==</auth>",
          f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>biwsbj1hLHI9YWJj</auth>", f"<response xmlns='{SASL}'>Yz1iaXdz</response>",
          f"<abort xmlns='{SASL}'/>", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "</stream:stream>", "</auth>", "<a>",
          "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>", "<iq type='set' id='2'/>", "<![CDATA[", "]]>",
          "\x16\x03\x01\x00\x05hello", " \n", "<presence/>", "=", "&amp;", "'", ">"]


def sends(port, data, close):
    """Sends it, and reads to the end of the connection if the server is told that there is no more."""
    try:
        with socket.create_connection(("127.0.0.1", server.ports[port]), WAIT) as sock:
            sock.sendall(data)
            if close:
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
    except ConnectionError:
        pass


def changed(chance):
    broken = bytearray(VALID)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(broken))
        if chance.random() < 0.3:
            del broken[at:at + chance.randrange(20)]
        else:
            broken[at] = chance.randrange(256)
    return bytes(broken)


def noise(chance):
    for i in range(150):
        sends(chance.choice(["plain", "starttls", "tls"]), chance.randbytes(chance.randrange(1, 3000)), i % 3)
        sends("plain", changed(chance), True)
        sends(chance.choice(["plain", "starttls"]), "".join(chance.choices(PIECES, k=8)).encode(), True)
        sends("plain", (HEAD + "".join(chance.choices(PIECES, k=8))).encode(), True)


def hello():
    """The first bytes of a TLS handshake, as a client sends them."""
    listener = socket.create_server(("127.0.0.1", 0))
    sock = socket.create_connection(listener.getsockname(), WAIT)
    peer, _ = listener.accept()
    sock.setblocking(False)
    try:
        client_context().wrap_socket(sock, server_hostname="localhost", do_handshake_on_connect=False).do_handshake()
    except OSError:
        pass
    data = peer.recv(65536)
    for s in (listener, sock, peer):
        s.close()
    return data


def handshakes(chance):
    first = hello()
    for _ in range(100):
        data = bytearray(first[:chance.randrange(1, len(first) + 1)])
        if chance.random() < 0.5:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        sends("tls", bytes(data), True)


def hostile():
    print(f"seed {seed}")
    with server:
        server.register("alice")
        alice = server.login("alice")
        noise(random.Random(seed))
        handshakes(random.Random(seed))
        before = server.memory()
        noise(random.Random(seed + 1))
        handshakes(random.Random(seed + 1))
        after = server.memory()
        check("memory does not grow with noise", after - before < 20_000, f"{before} KB, then {after} KB")
        check("who was there is still served", alice.sync())
        check("who comes is served", server.login("alice", "new", port="tls").sync())
        server.stop()


run(hostile)
