#!/usr/bin/python3
"""slixmpp, a library that others wrote: its stream management (XEP-0198), carbons (XEP-0280) and client state (XEP-0352).

Its connection is cut and it resumes by itself, also over a restart of the server. The interpreter is Debian's, since
python3-slixmpp is.
"""
import asyncio
import re
from pathlib import Path

from bongsu import WAIT, Server, check, run, skip

try:
    import slixmpp
except ImportError:
    skip("all of it", "python3-slixmpp is not installed")
    run()

EVENTS = ("session_start", "session_resumed", "sm_enabled", "sm_failed", "stanza_acked", "disconnected", "message",
          "presence_away", "presence_dnd", "carbon_received", "carbon_sent")


class Client(slixmpp.ClientXMPP):
    """Keeps all events, so that a test can wait for one that came already."""

    def __init__(self, jid):
        super().__init__(jid, "secret")
        self.ca_certs = Path("cert.pem")
        self.queues = {name: asyncio.Queue() for name in EVENTS}
        for name, queue in self.queues.items():
            self.add_event_handler(name, queue.put_nowait)
        for plugin in ("xep_0030", "xep_0198", "xep_0199", "xep_0280", "xep_0352"):
            self.register_plugin(plugin)
        self.whitespace_keepalive = False

    async def next(self, name):
        return await asyncio.wait_for(self.queues[name].get(), WAIT)

    async def bodies(self, count):
        got = []
        while len(got) < count:
            message = await self.next("message")
            if message["body"]:
                got.append(message["body"])
        return got

    def go(self):
        self.connect(("127.0.0.1", server.ports["starttls"]), force_starttls=True)

    async def login(self):
        self.go()
        await self.next("session_start")
        await self.next("sm_enabled")
        self.send_presence()
        return self

    async def cut(self):
        self.transport.abort()
        await self.next("disconnected")

    async def leave(self):
        await asyncio.wait_for(asyncio.ensure_future(self.disconnect()), WAIT)


server = Server(hosts=("localhost",))


async def resuming(alice, bob):
    for n in range(5):
        alice.send_message(mto="bob@localhost", mbody=f"a{n}", mtype="chat")
    await alice["xep_0199"].ping("localhost", timeout=WAIT)
    alice["xep_0198"].request_ack()
    check("what it sends is acknowledged", [await alice.next("stanza_acked") for _ in range(5)])
    check("and arrives", await bob.bodies(5) == [f"a{n}" for n in range(5)])
    bob.send_message(mto="alice@localhost", mbody="b0", mtype="chat")
    check("messages come", await alice.bodies(1) == ["b0"])
    await alice.cut()
    for n in range(1, 4):
        bob.send_message(mto="alice@localhost", mbody=f"b{n}", mtype="chat")
    await bob["xep_0199"].ping("localhost", timeout=WAIT)
    alice.go()
    check("its session is resumed", await alice.next("session_resumed") is not None)
    check("what came meanwhile comes", await alice.bodies(3) == ["b1", "b2", "b3"])
    bob.send_message(mto="alice@localhost", mbody="b4", mtype="chat")
    check("and goes on, each once", await alice.bodies(1) == ["b4"])


async def restarted(alice, bob):
    begin = server.log_path.stat().st_size
    server.ctl("restart")
    server.begin = begin
    await alice.next("disconnected")
    await bob.next("disconnected")
    line = server.wait_log(r" ready:(.*)\n")
    server.ports = dict(zip(server.listen, (int(port) for port in re.findall(r" port (\d+)", line[1]))))
    for client in (bob, alice):
        client.go()
        check("a session is resumed after a restart", await client.next("session_resumed") is not None)
    bob.send_message(mto="alice@localhost", mbody="after", mtype="chat")
    check("and messages come", await alice.bodies(1) == ["after"])


async def copies(alice, bob):
    desk = await Client("alice@localhost/desk").login()
    await desk["xep_0280"].enable(timeout=WAIT)
    alice.send_message(mto="bob@localhost", mbody="sent", mtype="chat")
    copy = await desk.next("carbon_sent")
    check("it sees what the other device sent", copy["carbon_sent"]["body"] == "sent", copy)
    bob.send_message(mto=alice.boundjid.full, mbody="received", mtype="chat")
    copy = await desk.next("carbon_received")
    check("and what it received", copy["carbon_received"]["body"] == "received", copy)
    await bob.bodies(1)
    await alice.bodies(1)
    await desk.leave()


async def states(alice, bob):
    alice["xep_0352"].send_inactive()
    await alice["xep_0199"].ping("localhost", timeout=WAIT)
    bob.send_presence(pshow="away")
    bob.send_presence(pshow="dnd")
    await bob["xep_0199"].ping("localhost", timeout=WAIT)
    bob.send_message(mto="alice@localhost", mbody="wake up", mtype="chat")
    check("a message comes to an inactive client", await alice.bodies(1) == ["wake up"])
    check("after the last presence", alice.queues["presence_dnd"].qsize() == 1 and alice.queues["presence_away"].empty())
    alice["xep_0352"].send_active()


async def all_of_it():
    alice = await Client("alice@localhost/phone").login()
    bob = await Client("bob@localhost/phone").login()
    for part in (resuming, restarted, copies, states):
        await part(alice, bob)
    await alice.leave()
    await bob.leave()


def play():
    with server:
        server.register("alice", "bob")
        for one, other in (("alice", "bob"), ("bob", "alice")):
            server.ctl("add_rosteritem", one, "localhost", other, "localhost", other, "", "both")
        asyncio.run(asyncio.wait_for(all_of_it(), 4 * WAIT))
        server.stop()


run(play)
