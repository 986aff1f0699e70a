#!/usr/bin/python3
"""slixmpp in rooms: make one, configure it, meet, speak, whisper, change nicks, moderate, read the history, part.

The interpreter is Debian's, since python3-slixmpp is.
"""
import asyncio
from pathlib import Path

from bongsu import WAIT, Server, check, run, skip

try:
    import slixmpp
    from slixmpp.exceptions import IqError
except ImportError:
    skip("all of it", "python3-slixmpp is not installed")
    run()

PLUGINS = ("xep_0004", "xep_0030", "xep_0045", "xep_0059", "xep_0199", "xep_0203", "xep_0249", "xep_0313", "xep_0359",
           "xep_0421")
ROOM = "tea@conference.localhost"


class Client(slixmpp.ClientXMPP):
    """Keeps all events, so that a test can wait for one that came already."""

    EVENTS = ("session_start", "groupchat_message", "groupchat_subject", "groupchat_presence", "message",
              "groupchat_direct_invite", "groupchat_invite", "groupchat_message_error")

    def __init__(self, name):
        super().__init__(f"{name}@localhost/slix", "secret")
        self.ca_certs = Path("cert.pem")
        self.queues = {event: asyncio.Queue() for event in self.EVENTS}
        for event, queue in self.queues.items():
            self.add_event_handler(event, queue.put_nowait)
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self.whitespace_keepalive = False
        self.muc = self["xep_0045"]

    async def next(self, name, holds=lambda event: True):
        async def found():
            while True:
                event = await self.queues[name].get()
                if holds(event):
                    return event
        return await asyncio.wait_for(found(), WAIT)

    async def enter(self, nick):
        """Joins and waits for the subject, which comes last."""
        self.muc.join_muc(ROOM, nick, maxhistory="20")
        await self.next("groupchat_presence", lambda p: p["muc"]["nick"] == nick and p["type"] != "error")
        return await self.next("groupchat_subject")


async def login(server, name):
    client = Client(name)
    client.connect(("127.0.0.1", server.ports["starttls"]), force_starttls=True)
    await client.next("session_start")
    client.send_presence()
    return client


async def meet(alice, bob):
    subject = await alice.enter("Alice")
    check("a room is made", subject["from"].bare == ROOM)
    form = await alice.muc.get_room_config(ROOM)
    names = set(form.get_fields())
    check("its form is read", {"muc#roomconfig_roomname", "muc#roomconfig_membersonly"} <= names, names)
    form["type"] = "submit"
    form.set_values({"muc#roomconfig_roomname": "Tea", "muc#roomconfig_publicroom": True})
    await alice.muc.set_room_config(ROOM, form)
    await bob.enter("Bob")
    await alice.next("groupchat_presence", lambda p: p["muc"]["nick"] == "Bob")
    check("both see each other", set(alice.muc.get_roster(ROOM)) == set(bob.muc.get_roster(ROOM)) == {"Alice", "Bob"},
          (alice.muc.get_roster(ROOM), bob.muc.get_roster(ROOM)))
    check("as what they are", alice.muc.get_jid_property(ROOM, "Alice", "affiliation") == "owner" and
          bob.muc.get_jid_property(ROOM, "Bob", "role") == "participant")
    items = await bob["xep_0030"].get_items(jid="conference.localhost")
    check("the room is listed", any(i[0] == ROOM and i[2] == "Tea" for i in items["disco_items"]["items"]), items)
    info = await bob["xep_0030"].get_info(jid=ROOM)
    check("and says what it is", "muc_persistent" in info["disco_info"]["features"], info)


async def speak(alice, bob):
    bob.send_message(ROOM, "Hello, all \U0001f44b", mtype="groupchat")
    for client in (alice, bob):
        got = await client.next("groupchat_message", lambda m: m["body"])
        check("a message reaches everybody", got["body"] == "Hello, all \U0001f44b" and got["mucnick"] == "Bob", got)
        check("with its id and the occupant's", got["stanza_id"]["by"] == ROOM and got["occupant-id"]["id"], got)
    alice.muc.set_subject(ROOM, "Cake")
    got = await bob.next("groupchat_subject", lambda m: m["subject"])
    check("a subject too", got["subject"] == "Cake", got)
    bob.send_message(f"{ROOM}/Alice", "psst", mtype="chat")
    got = await alice.next("message", lambda m: m["type"] == "chat")
    check("a private message", got["body"] == "psst" and got["from"] == f"{ROOM}/Bob", got)
    bob.send_presence(pto=f"{ROOM}/Robert")
    await alice.next("groupchat_presence", lambda p: p["muc"]["nick"] == "Robert")
    check("a new nick", "Robert" in alice.muc.get_roster(ROOM) and "Bob" not in alice.muc.get_roster(ROOM),
          alice.muc.get_roster(ROOM))


async def moderate(alice, bob):
    await alice.muc.set_affiliation(ROOM, "member", jid="bob@localhost")
    got = await bob.next("groupchat_presence", lambda p: p["muc"]["affiliation"] == "member")
    check("membership is given", got["muc"]["nick"] == "Robert", got)
    listed = await alice.muc.get_affiliation_list(ROOM, "member")
    check("and listed", [str(j) for j in listed] == ["bob@localhost"], listed)
    try:
        await bob.muc.set_role(ROOM, "Alice", "none")
        check("a participant kicks nobody", False)
    except IqError as error:
        check("a participant kicks nobody", error.condition in ("forbidden", "not-allowed"), error)
    await alice.muc.set_role(ROOM, "Robert", "none", reason="Tea is over")
    got = await bob.next("groupchat_presence", lambda p: p["type"] == "unavailable" and p["muc"]["role"] == "none")
    check("a moderator does", got["from"] == f"{ROOM}/Robert", got)
    bob.muc.leave_muc(ROOM, "Robert")  # it takes no invitation to a room that it thinks it is in
    alice.muc.invite(ROOM, "bob@localhost", reason="Come back")
    got = await bob.next("groupchat_invite")
    check("he is invited", got["from"].bare == ROOM, got)
    alice["xep_0249"].send_invitation("bob@localhost", ROOM, reason="Please")
    got = await bob.next("groupchat_direct_invite", lambda m: m["from"].bare == "alice@localhost")
    check("directly, too", got["groupchat_invite"]["jid"] == ROOM, got)


async def history(bob):
    await bob.enter("Bob")
    got = await bob.next("groupchat_message", lambda m: m["body"])
    check("who comes back hears what was said", got["body"] == "Hello, all \U0001f44b" and got["delay"]["stamp"], got)
    results = await bob["xep_0313"].retrieve(jid=ROOM)
    bodies = [r["mam_result"]["forwarded"]["stanza"]["body"] for r in results["mam"]["results"]]
    check("and reads the archive", "Hello, all \U0001f44b" in bodies, bodies)


async def part(alice, bob):
    bob.muc.leave_muc(ROOM, "Bob", "Bye")
    got = await alice.next("groupchat_presence", lambda p: p["type"] == "unavailable" and p["muc"]["nick"] == "Bob")
    check("one leaves", got["status"] == "Bye", got)
    await alice.muc.destroy(ROOM, reason="The end")
    try:
        await bob["xep_0030"].get_info(jid=ROOM)
        check("the room is destroyed", False)
    except IqError as error:
        check("the room is destroyed", error.condition == "item-not-found", error)


async def all_of_it(server):
    alice, bob = await login(server, "alice"), await login(server, "bob")
    await meet(alice, bob)
    await speak(alice, bob)
    await moderate(alice, bob)
    await history(bob)
    await part(alice, bob)
    for client in (alice, bob):
        await asyncio.wait_for(asyncio.ensure_future(client.disconnect()), WAIT)


def rooms():
    with Server() as server:
        server.register("alice", "bob")
        asyncio.run(all_of_it(server))


run(rooms)
