#!/usr/bin/env python3
"""Silence: a quiet client is pinged, one that answers stays, one that does not is gone within the stated bound, and its
session with it. Any byte is a sign of life; white space keeps a connection (RFC 6120 4.6).
"""
import time
from concurrent.futures import ThreadPoolExecutor

from bongsu import Server, check, run, wait_for

IDLE, ANSWER = 1.0, 1.0  # seconds until a ping, and from there to the end
server = Server(c2s={"idle_timeout": "1s", "ping_timeout": "1s"})


def start():
    server.start()
    server.register("alice", "bob")


def pinged(client):
    """The server's ping, and how long it took to come."""
    begin = time.monotonic()
    ping = client.wait("<ping xmlns='urn:xmpp:ping'/>")
    return ping, time.monotonic() - begin


def silent(port):
    client = server.login("alice", f"silent-{port}", port=port)
    client.available()
    begin = time.monotonic()
    ping, took = pinged(client)
    check(f"{port}: silence is answered by a ping from the host", took > IDLE - 0.2 and ping.get("type") == "get" and
          ping.get("from") == "localhost" and ping.get("id"), (took, ping))
    condition = client.ended()
    took = time.monotonic() - begin
    check(f"{port}: silence after it is the end", condition == "connection-timeout" and
          IDLE + ANSWER - 0.3 < took < IDLE + ANSWER + 5, (condition, took))


def answering():
    for kind, inside in (("result", ""), ("error", "<error type='cancel'><service-unavailable "
                                          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")):
        client = server.login("bob", kind)
        for _ in range(3):
            ping, _ = pinged(client)
            client.send(f"<iq type='{kind}' to='localhost' id='{ping.get('id')}'>{inside}</iq>")
        check(f"an answer of type {kind} keeps a session", client.sync() and not client.take())
        client.ends()


def lively(text):
    """Anything that comes in time keeps the session, and no ping is needed."""
    client = server.login("bob", f"lively{len(text)}")
    until = time.monotonic() + 2 * (IDLE + ANSWER)
    while time.monotonic() < until:
        client.send(text)
        time.sleep(IDLE / 4)  # that is what is tried
    check(f"{text!r} now and then keeps a session", client.sync() and not client.take(), client.got[-300:])
    client.ends()


def talked_to():
    """What the server sends is no sign of life of the client."""
    client, other = server.login("alice", "deaf"), server.login("bob", "loud")
    stop = time.monotonic() + 10
    while "ended the stream with connection-timeout: no answer" not in server.log() and time.monotonic() < stop:
        other.send(f"<message to='{client.jid}' type='headline'><body>hi</body></message>")
        other.sync()
        time.sleep(0.2)
    check("who is written to and says nothing is gone too", client.ended() == "connection-timeout", client.got[-300:])


def unbound():
    client = server.client()
    time.sleep(IDLE + ANSWER + 0.5)
    check("before a resource is bound nobody is pinged", client.authenticate("alice", "secret").name == "success" and
          b"<ping" not in client.got)


def gone():
    client = server.login("alice", "gone")
    client.available()
    wait_for("the session of a dead peer ends with its connection", lambda: "gone" not in
             server.ctl("user_resources", "alice", "localhost").out, IDLE + ANSWER + 10)
    server.stop()


def together():
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(silent, port) for port in ("plain", "tls", "starttls")] + [
                pool.submit(lively, text) for text in (" ", "\n\n",  "<iq type='result' id='x'/>")] + [pool.submit(answering), pool.submit(unbound)]:
            done.result()


run(start, together, talked_to, gone)
