#!/usr/bin/env python3
"""Limits of client connections: sizes to the byte, depth, attributes, bytes and stanzas per second (who is too fast is
slowed down, not cut off, and slows nobody else), connections of an address, clients that do not read, floods, files.
"""
import re
import resource
import select
import socket
import threading
import time
from pathlib import Path

from bongsu import WAIT, Client, Server, check, run
from bongsu.client import SASL
from bongsu.server import LISTEN

SLOW = {"bytes_per_second": 100_000, "burst_bytes": 20_000, "stanzas_per_second": 50, "burst_stanzas": 50}
PING = "<iq type='get' id='{}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
listen = LISTEN | {"proxied": {"service": "c2s", "starttls": "off", "proxy_protocol": True, "proxies": ["127.0.0.1"]}}
server = Server(listen=listen, c2s={"max_connections_per_address": 5})
narrow = Server("narrow", c2s={"max_output": "256k", "bytes_per_second": 0})
slow = Server("slow", c2s=SLOW)


def start():
    server.start()
    server.register("alice", "bob")


def sizes():
    client = server.client()
    begin, end = f"<auth xmlns='{SASL}' mechanism='PLAIN'>", "</auth>"
    client.send(begin + " " * (10000 - len(begin) - len(end)) + end)
    check("10,000 bytes pass before authentication", client.wait().condition == "invalid-mechanism", client.got)
    client.send(" " * 100_000)
    client.auth("PLAIN", "x")
    check("white space between elements is no element", client.wait().condition == "invalid-mechanism", client.got)
    client = server.connect()
    client.send(client.header(a="x" * (10000 - len(client.header(a="")))))
    check("nor a header of 10,000", client.wait().name == "features", client.got)
    for port in ("plain", "tls"):
        client = server.login("alice", port=port)
        begin, end = f"<message to='{client.jid}' id='big'><a xmlns='urn:a'>", "</a></message>"
        client.send(begin + "x" * (1048576 - len(begin) - len(end)) + end)
        check(f"1 MiB passes after it ({port})", len(client.wait("id='big'").raw) > 1048000)
        for n in (777, 16384, 100_000):
            text = begin + "x" * 200_000 + end
            for i in range(0, len(text), n):
                client.send(text[i:i + n])
            check(f"and 200 KB in pieces of {n}", len(client.wait("id='big'").raw) > 200_000)
    client = server.login("alice")
    text = f"<message to='{client.jid}' id='bytes'><body>caf\u00e9</body></message>"
    for byte in text.encode():
        client.send(bytes([byte]))
    check("or byte by byte", client.wait("id='bytes'").text("c:body") == "caf\u00e9")
    deep = "<a xmlns='urn:a'>" * 63 + "</a>" * 63
    client.send(f"<message to='{client.jid}' id='deep'>{deep}</message>")
    check("64 levels pass", client.wait("id='deep'").raw.count("<a ") == 63, client.got[-300:])
    wide = "<a xmlns='urn:a' " + " ".join(f"a{i}='{i}'" for i in range(63)) + "/>"
    client.send(f"<message to='{client.jid}' id='wide'>{wide}</message>")
    check("64 attributes pass", len(client.wait("id='wide'").find("{urn:a}a").attrib) == 63)
    server.configure(c2s=server.options["c2s"] | {"max_stanza": "20k"})
    server.reload()
    limits = "{urn:xmpp:stream-limits:0}limits/{urn:xmpp:stream-limits:0}max-bytes"
    fresh = server.client()
    fresh.authenticate("alice", "secret")
    check("another limit is announced at once", fresh.open().text(limits) == "20480", fresh.got)
    fresh.bind()
    fresh.send(f"<message><a>{'x' * 20480}</a></message>")
    check("and holds", fresh.ended() == "policy-violation", fresh.got)
    server.configure(c2s=server.options["c2s"] | {"max_stanza": "1M"})
    server.reload()


def rates():
    with slow:
        slow.register("alice", "bob")
        alice, bob = slow.login("alice"), slow.login("bob")
        begin = time.monotonic()
        body = "x" * 12_000
        alice.socket.settimeout(WAIT)
        writer = threading.Thread(target=lambda: [
            alice.send(f"<message to='{alice.jid}' id='{i}'><body>{body}</body></message>") for i in range(50)])
        writer.start()
        ids = []
        worst = 0
        while len(ids) < 50:
            asked = time.monotonic()
            bob.sync()
            worst = max(worst, time.monotonic() - asked)
            ids.append(int(alice.wait("<message").get("id")))
        writer.join()
        took = time.monotonic() - begin
        check("600 KB at 100 KB a second take their time, and all arrive in order", ids == [*range(50)] and 4 < took < 20, took)
        check("nobody else waits", worst < 1, worst)
        alice, begin = slow.login("alice"), time.monotonic()
        alice.send("".join(PING.format(i) for i in range(200)))
        ids = [int(alice.wait("<iq").get("id")) for _ in range(200)]
        took = time.monotonic() - begin
        check("200 stanzas at 50 a second take their time, and all are answered in order", ids == [*range(200)] and
              2.5 < took < 15, took)
        for what, text in (("bytes", " " * 400_000), ("elements", "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>"
                                                      * 200)):
            client = slow.client()
            begin = time.monotonic()
            client.send(text)
            client.auth("PLAIN", "x")
            check(f"{what} before authentication, too", client.wait("<failure").condition == "invalid-mechanism" and
                  2.5 < time.monotonic() - begin < 15, (time.monotonic() - begin, client.got[-200:]))
        slow.stop()


def batches():
    """Who is over the limit is served by the handful: each for itself would cost a wake-up of the server, and a commit."""
    with Server("batches", c2s={"burst_stanzas": 100}) as fast:
        fast.register("alice")
        alice = fast.login("alice")
        before = fast.waits("worker")
        alice.send("".join(PING.format(i) for i in range(1500)))
        ids = [int(alice.wait("<iq").get("id")) for _ in range(1500)]
        waits = fast.waits("worker") - before
        check("1500 stanzas at 500 a second are answered in order", ids == [*range(1500)])
        check("without waking the server for each", waits < 500, waits)
        fast.stop()


def connections():
    """By the PROXY protocol, as loopback addresses have no limit."""
    def greeted(address):
        try:
            client = Client(server.ports["proxied"], proxied=address)
            return client if client.open().name == "features" else None
        except (OSError, EOFError):
            return None
    for one, same, other in (("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")):
        clients = [greeted(one if i % 2 else same) for i in range(5)]
        check(f"five connections from {one}", all(clients), clients)
        check("the sixth is refused", greeted(same) is None)
        check("not from elsewhere", greeted(other) is not None)
        clients[0].ends()
        clients[1].close()
        check("when one has left, one may come", any(greeted(one) for _ in range(10)))
    check("the log says so", "too many from the client's address" in server.log())


def no_readers():
    """What waits for a client that does not read is bounded, whoever makes it."""
    narrow.start()
    narrow.register("alice", "bob")
    alice, bob = narrow.login("alice"), narrow.login("bob")
    bob.available()
    body = "x" * 50_000
    for i in range(400):  # until it is more than sockets hold, and more than is allowed to wait
        alice.send(f"<message to='{bob.jid}' type='headline' id='{i}'><body>{body}</body></message>")
    narrow.wait_log("cut off a client that does not read")
    check("a client that does not read is cut off", True)
    check("who wrote to it goes on", alice.sync())
    mark = len(narrow.log())
    bad = f"<iq type='nothing' id='{'x' * 50_000}' to='alice@localhost'/>"
    alice.socket.settimeout(WAIT)
    try:
        for _ in range(600):
            alice.send(bad)
    except OSError:
        pass
    narrow.wait_log("(?s).{%d}.*cut off a client that does not read" % mark)
    check("also one that makes errors and reads none", True)
    check("the server's memory is in bounds", narrow.memory() < 300_000, narrow.memory())
    narrow.stop()


def floods():
    """As fast as a client can write: it is slowed, and nobody else."""
    alice, bob = server.login("alice"), server.login("bob")
    stop = threading.Event()
    text = (PING.format("f") * 100).encode()
    sent = [0]

    def flood():
        alice.socket.setblocking(False)
        while not stop.is_set():
            ready = select.select([alice.socket], [alice.socket], [], 0.1)
            try:
                if ready[0]:
                    alice.socket.recv(1 << 20)
                if ready[1]:
                    sent[0] += alice.socket.send(text)
            except BlockingIOError:
                pass
            except OSError:
                return
    thread = threading.Thread(target=flood)
    thread.start()
    waits = []
    until = time.monotonic() + 3
    while time.monotonic() < until:
        begin = time.monotonic()
        bob.sync()
        waits.append(time.monotonic() - begin)
    stop.set()
    thread.join()
    check("a flood does not hold up others", max(waits) < 2 and sent[0] > 1_000_000, (max(waits), sent))
    crowd = [socket.create_connection(("127.0.0.1", server.ports["plain"]), WAIT) for _ in range(1000)]
    check("nor do a thousand silent connections", bob.sync() and server.login("alice", "late").sync())
    for sock in crowd:
        sock.close()
    server.stop()


def files():
    """The server raises its own limit, and says what it cannot get; when files run out it goes on when there are some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = Server("few", workers=1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    few.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = re.search(r"Max open files +(\d+) +(\d+)", Path(f"/proc/{few.process.pid}/limits").read_text(encoding="ascii"))
    check("the limit is raised as far as may be", int(limits[1]) >= min(hard, 65536), limits[0])
    check("and what is missing said", int(limits[1]) >= 65536 or
          re.search(rf"warn.*only {limits[1]} of 65536 open files", few.log()), few.log())
    few.register("alice")
    resource.prlimit(few.process.pid, resource.RLIMIT_NOFILE, (120, int(limits[2])))
    client = few.login("alice")
    crowd = [socket.create_connection(("127.0.0.1", few.ports["plain"]), WAIT) for _ in range(150)]
    few.wait_log("warn.*could not accept connections for now: Too many open files")
    check("who is connected is served while files are short", client.sync())
    begin = few.cpu()
    time.sleep(1)
    check("waiting for files costs nothing", few.cpu() - begin < 0.3, few.cpu() - begin)
    for sock in crowd:
        sock.close()
    check("when others have left, who comes is served", few.login("alice", "late").sync())
    few.stop()


run(rates, batches, no_readers, start, sizes, connections, floods, files)
