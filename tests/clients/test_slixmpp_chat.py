#!/usr/bin/python3
"""slixmpp with two devices of one user and a friend: copies (XEP-0280), ids (0359), receipts (0184), markers (0333), reactions
(0444), corrections (0308), hints (0334), a quiet device (0352), and the archive (0313) that has all of it.

The interpreter is Debian's, since python3-slixmpp is.
"""
import asyncio
from pathlib import Path

from bongsu import WAIT, Server, check, run, skip

try:
    import slixmpp
except ImportError:
    skip("all of it", "python3-slixmpp is not installed")
    run()

PLUGINS = ("xep_0030", "xep_0059", "xep_0085", "xep_0184", "xep_0199", "xep_0203", "xep_0280", "xep_0297", "xep_0308",
           "xep_0313", "xep_0333", "xep_0334", "xep_0352", "xep_0359", "xep_0444")


class Client(slixmpp.ClientXMPP):
    """Keeps all events, so that a test can wait for one that came already."""

    EVENTS = ("session_start", "message", "carbon_sent", "carbon_received", "receipt_received", "marker_displayed", "reactions",
              "message_correction", "presence_available", "presence_unavailable")

    def __init__(self, name, resource):
        super().__init__(f"{name}@localhost/{resource}", "secret")
        self.ca_certs = Path("cert.pem")
        self.queues = {event: asyncio.Queue() for event in self.EVENTS}
        for event, queue in self.queues.items():
            self.add_event_handler(event, queue.put_nowait)
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self["xep_0184"].auto_request = False
        self.whitespace_keepalive = False

    async def next(self, name, holds=lambda event: True):
        async def found():
            while True:
                event = await self.queues[name].get()
                if holds(event):
                    return event
        return await asyncio.wait_for(found(), WAIT)

    async def archived(self, friend):
        """What the archive has of the talk with that friend: results, oldest first."""
        answer = await self["xep_0313"].retrieve(with_jid=slixmpp.JID(friend), rsm={"max": 50})
        return answer["mam"]["results"]


async def login(server, name, resource):
    client = Client(name, resource)
    client.connect(("127.0.0.1", server.ports["starttls"]), force_starttls=True)
    await client.next("session_start")
    client.send_presence()
    await client.next("presence_available", lambda p: p["from"] == client.boundjid)
    return client


async def copies(phone, desk, bob):
    for client in (phone, desk):
        await client["xep_0280"].enable()
    message = phone.make_message("bob@localhost", "From my phone", mtype="chat")
    message["origin_id"]["id"] = "origin-1"
    message.send()
    live = await bob.next("message", lambda m: m["body"] == "From my phone")
    check("a message arrives with an id by the archive, and the sender's own", live["stanza_id"]["by"] == "bob@localhost" and
          live["stanza_id"]["id"] and live["origin_id"]["id"] == "origin-1", live)
    copy = (await desk.next("carbon_sent"))["carbon_sent"]
    check("the other device gets a copy of what was sent", copy["body"] == "From my phone" and copy["to"].bare == "bob@localhost",
          copy)
    kept = await desk.archived("bob@localhost")
    check("with the id that it has in the archive", [r["mam_result"]["id"] for r in kept] == [copy["stanza_id"]["id"]], kept)
    answer = bob.make_message(phone.boundjid.full, "To your phone", mtype="chat")
    answer.send()
    await phone.next("message", lambda m: m["body"] == "To your phone")
    copy = (await desk.next("carbon_received"))["carbon_received"]
    check("and of what was received", copy["body"] == "To your phone" and copy["stanza_id"]["by"] == "alice@localhost", copy)
    private = phone.make_message("bob@localhost", "Between us", mtype="chat")
    private.enable("carbon_private")
    private["no-copy"] = True
    private.send()
    await bob.next("message", lambda m: m["body"] == "Between us")


async def marks(phone, desk, bob):
    message = phone.make_message("bob@localhost", "Read me", mtype="chat")
    message["id"] = "read-me"
    message["request_receipt"] = True
    message.enable("markable")
    message.send()
    got = await bob.next("message", lambda m: m["body"] == "Read me")
    receipt = await phone.next("receipt_received")
    check("a receipt comes back", receipt["receipt"] == "read-me", receipt)
    bob["xep_0333"].send_marker(slixmpp.JID("alice@localhost"), got["id"], "displayed")
    for client in (phone, desk):
        marker = await client.next("marker_displayed")
        check("a marker reaches each device", marker["displayed"]["id"] == "read-me", marker)
    bob["xep_0444"].send_reactions(slixmpp.JID("alice@localhost"), "read-me", {"\U0001f525"})
    reaction = await phone.next("reactions")
    check("a reaction, too", reaction["reactions"]["values"] == {"\U0001f525"} and reaction["reactions"]["id"] == "read-me",
          reaction)
    better = phone.make_message("bob@localhost", "Read me, please", mtype="chat")
    better["replace"]["id"] = "read-me"
    better.send()
    got = await bob.next("message_correction")
    check("a correction, too", got["replace"]["id"] == "read-me" and got["body"] == "Read me, please", got)


async def kept(phone, bob):
    lost = phone.make_message("bob@localhost", "Not for the record", mtype="chat")
    lost.enable("no-store")
    lost.send()
    await bob.next("message", lambda m: m["body"] == "Not for the record")
    bodies = [r["mam_result"]["forwarded"]["stanza"]["body"] for r in await phone.archived("bob@localhost")]
    check("the archive has all but what was not to be kept", [b for b in bodies if b] == [
        "From my phone", "To your phone", "Between us", "Read me", "Read me, please"], bodies)
    mine = [r["mam_result"]["id"] for r in await bob.archived("alice@localhost")]
    check("each side has as much", len(mine) == len(bodies) == 8, (mine, bodies))


async def quiet(phone, bob):
    """Presence waits while the phone is quiet, and a message brings it along."""
    bob.send_presence(pto=phone.boundjid.full)
    await phone.next("presence_available", lambda p: p["from"] == bob.boundjid)
    check("the server takes client states", phone["xep_0352"].enabled)
    phone["xep_0352"].send_inactive()
    await phone["xep_0199"].ping(slixmpp.JID("localhost"), timeout=WAIT)
    bob.send_presence(pto=phone.boundjid.full, pstatus="later")
    await bob["xep_0199"].ping(slixmpp.JID("localhost"), timeout=WAIT)
    await phone["xep_0199"].ping(slixmpp.JID("localhost"), timeout=WAIT)
    bob.send_message("alice@localhost", "Wake up", mtype="chat")
    await phone.next("message", lambda m: m["body"] == "Wake up")
    got = await phone.next("presence_available", lambda p: p["from"] == bob.boundjid)
    check("what waited is there with a message", got["status"] == "later", got)
    phone["xep_0352"].send_active()
    bob.send_presence(pto=phone.boundjid.full, pstatus="now")
    got = await phone.next("presence_available", lambda p: p["from"] == bob.boundjid)
    check("an active client hears at once", got["status"] == "now", got)


async def all_of_it(server):
    phone, desk, bob = [await login(server, *who) for who in (("alice", "phone"), ("alice", "desk"), ("bob", "pc"))]
    await copies(phone, desk, bob)
    await marks(phone, desk, bob)
    await kept(phone, bob)
    await quiet(phone, bob)
    for client in (phone, desk, bob):
        await asyncio.wait_for(asyncio.ensure_future(client.disconnect()), WAIT)


def chat():
    with Server() as server:
        server.register("alice", "bob")
        asyncio.run(all_of_it(server))


run(chat)
