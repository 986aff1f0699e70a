#!/usr/bin/python3
"""Personal eventing with slixmpp: what a client library of others makes of our nodes.

Two clients, alice and bob, who are contacts: nodes and items (XEP-0060, 0163), avatars (0084), nicknames (0172), private data
(0223), bookmarks of the old kind (0048, 0049), capabilities (0115), and what the server says of itself.
"""
import asyncio
import hashlib

import slixmpp
from slixmpp.exceptions import IqError
from slixmpp.plugins.xep_0048.stanza import Bookmarks
from slixmpp.xmlstream import ElementBase, register_stanza_plugin
from slixmpp.plugins.xep_0060.stanza import EventItem

from bongsu import WAIT, Server, check, run
from bongsu.pep import befriend

PLUGINS = ("xep_0004", "xep_0030", "xep_0048", "xep_0049", "xep_0060", "xep_0084", "xep_0115", "xep_0163", "xep_0172", "xep_0223")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


class Tune(ElementBase):
    """A payload of our own."""
    name = plugin_attrib = "tune"
    namespace = "http://jabber.org/protocol/tune"
    interfaces = {"title"}
    sub_interfaces = interfaces


register_stanza_plugin(EventItem, Tune)


class Someone(slixmpp.ClientXMPP):
    def __init__(self, name, port):
        super().__init__(f"{name}@localhost/slixmpp", "secret")
        self.port = port
        self.queues = {}
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self["xep_0163"].register_pep("tune", Tune)
        for kind in ("tune_publish", "avatar_metadata_publish", "user_nick_publish", "session_start"):
            self.queues[kind] = asyncio.Queue()
            self.add_event_handler(kind, self.queues[kind].put_nowait)

    async def get(self, kind):
        return await asyncio.wait_for(self.queues[kind].get(), WAIT)

    async def come(self):
        self.connect(("127.0.0.1", self.port), disable_starttls=True)
        await self.get("session_start")
        await self["xep_0115"].update_caps()
        self.send_presence()
        await self.get_roster()
        return self


async def tunes(alice, bob):
    tune = Tune()
    tune["title"] = "Introduction"
    await alice["xep_0163"].publish(tune)
    for who in (alice, bob):
        got = await who.get("tune_publish")
        item = got["pubsub_event"]["items"]["item"]
        check(f"{who.boundjid.user} is told of a tune", item["tune"]["title"] == "Introduction" and got["from"] == "alice@localhost", got)
    answer = await bob["xep_0060"].get_items("alice@localhost", Tune.namespace)
    check("it can be read", len(list(answer["pubsub"]["items"])) == 1, answer)
    info = await alice["xep_0030"].get_info("alice@localhost", ifrom=alice.boundjid)
    check("the account says what it is", ("pubsub", "pep", None, None) in info["disco_info"]["identities"], info)


async def nodes(alice, bob):
    pubsub = alice["xep_0060"]
    form = alice["xep_0004"].make_form(ftype="submit")
    for var, value in (("FORM_TYPE", "http://jabber.org/protocol/pubsub#node_config"), ("pubsub#access_model", "open"),
                       ("pubsub#max_items", "max")):
        form.add_field(var=var, value=value)
    await pubsub.create_node("alice@localhost", "princely", config=form)
    config = await pubsub.get_node_config("alice@localhost", "princely")
    values = config["pubsub_owner"]["configure"]["form"].get_values()
    check("a node is as it was made", values["pubsub#access_model"] == "open" and values["pubsub#max_items"] == "10000", values)
    for name in ("a", "b", "c"):
        tune = Tune()
        tune["title"] = name
        await pubsub.publish("alice@localhost", "princely", id=name, payload=tune)
    answer = await bob["xep_0060"].get_items("alice@localhost", "princely", max_items=2)
    check("the newest items", [i["id"] for i in answer["pubsub"]["items"]] == ["b", "c"], answer)
    await pubsub.retract("alice@localhost", "princely", "b", notify=True)
    await pubsub.purge("alice@localhost", "princely")
    answer = await pubsub.get_items("alice@localhost", "princely")
    check("none after a purge", len(list(answer["pubsub"]["items"])) == 0, answer)
    await pubsub.delete_node("alice@localhost", "princely")
    try:
        await pubsub.get_items("alice@localhost", "princely")
        check("a node that was deleted is gone", False)
    except IqError as error:
        check("a node that was deleted is gone", error.condition == "item-not-found", error)


async def avatar_and_nick(alice, bob):
    await alice["xep_0084"].publish_avatar(PNG)
    name = hashlib.sha1(PNG).hexdigest()
    await alice["xep_0084"].publish_avatar_metadata([{"id": name, "type": "image/png", "bytes": str(len(PNG))}])
    got = await bob.get("avatar_metadata_publish")
    check("bob is told of an avatar", got["pubsub_event"]["items"]["item"]["id"] == name, got)
    answer = await bob["xep_0084"].retrieve_avatar("alice@localhost", name)
    check("and gets it", answer["pubsub"]["items"]["item"]["avatar_data"]["value"] == PNG, answer)
    await alice["xep_0172"].publish_nick("Al")
    got = await bob.get("user_nick_publish")
    check("and of a nickname", got["pubsub_event"]["items"]["item"]["nick"]["nick"] == "Al", got)


async def bookmarks(alice):
    marks = Bookmarks()
    marks.add_conference("room@rooms.localhost", "nick", autojoin=True, name="Room")
    await alice["xep_0048"].set_bookmarks(marks, method="xep_0049")
    for method in ("xep_0049", "xep_0223"):
        answer = await alice["xep_0048"].get_bookmarks(method=method)
        found = answer["private"]["bookmarks"] if method == "xep_0049" else answer["pubsub"]["items"]["item"]["bookmarks"]
        rooms = [(str(c["jid"]), c["name"], c["nick"], c["autojoin"]) for c in found["conferences"]]
        check(f"bookmarks are read by {method}", rooms == [("room@rooms.localhost", "Room", "nick", True)], answer)
    marks.add_conference("other@rooms.localhost", "nick")
    await alice["xep_0048"].set_bookmarks(marks, method="xep_0223")
    answer = await alice["xep_0060"].get_items("alice@localhost", "urn:xmpp:bookmarks:1")
    check("and are items of their own", [i["id"] for i in answer["pubsub"]["items"]] == ["room@rooms.localhost", "other@rooms.localhost"],
          answer)


async def private_data(alice, bob):
    tune = Tune()
    tune["title"] = "secret"
    await alice["xep_0223"].store(tune, node="urn:example:private")
    answer = await alice["xep_0223"].retrieve("urn:example:private")
    check("private data is kept", "secret" in str(answer), answer)
    try:
        await bob["xep_0060"].get_items("alice@localhost", "urn:example:private")
        check("for oneself", False)
    except IqError as error:
        check("for oneself", error.condition == "not-allowed", error)


async def talk(server):
    alice, bob = [await Someone(name, server.ports["plain"]).come() for name in ("alice", "bob")]
    await tunes(alice, bob)
    await nodes(alice, bob)
    await avatar_and_nick(alice, bob)
    await bookmarks(alice)
    await private_data(alice, bob)
    for client in (alice, bob):
        await client.disconnect()


def slixmpp_clients():
    with Server() as server:
        server.register("alice", "bob")
        befriend(server, "alice", "bob")
        asyncio.run(talk(server))
        server.stop()


run(slixmpp_clients)
