#!/usr/bin/python3
"""Message archives with slixmpp: what a client library of others makes of our pages, forms and preferences.

Alice writes to bob, who is away; both read their history by XEP-0313 with XEP-0059, and say what they want to have archived
(XEP-0441). The interpreter is Debian's, since python3-slixmpp is.
"""
import asyncio
from datetime import datetime, timedelta, timezone

from bongsu import WAIT, Server, check, run, skip

try:
    import slixmpp
    from slixmpp.exceptions import IqError
except ImportError:
    skip("all of it", "python3-slixmpp is not installed")
    run()

PLUGINS = ("xep_0030", "xep_0059", "xep_0199", "xep_0313", "xep_0441")


class Someone(slixmpp.ClientXMPP):
    def __init__(self, name, port):
        super().__init__(f"{name}@localhost/slixmpp", "secret")
        self.port = port
        self.whitespace_keepalive = False
        self.started = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", lambda _: self.started.set_result(True))
        for plugin in PLUGINS:
            self.register_plugin(plugin)

    async def arrive(self):
        self.connect(("127.0.0.1", self.port), use_ssl=False, force_starttls=False, disable_starttls=True)
        await asyncio.wait_for(self.started, WAIT)
        return self

    async def sync(self, to):
        """All that was sent to it has arrived: an account answers a ping behind it, if not kindly."""
        try:
            await self["xep_0199"].send_ping(to, timeout=WAIT)
        except IqError:
            pass

    async def leave(self):
        await asyncio.wait_for(asyncio.ensure_future(self.disconnect()), WAIT)


def message(result):
    return result["mam_result"]["forwarded"]["stanza"]


async def history(client, **how):
    """Bodies of all pages, in the order in which slixmpp gives them."""
    return [message(m)["body"] async for m in client["xep_0313"].iterate(**how)]


async def chat(server):
    begin = datetime.now(timezone.utc) - timedelta(seconds=1)
    alice = await Someone("alice", server.ports["plain"]).arrive()
    bodies = [f"\ubd09\uc218 {n} <&>" for n in range(25)]
    for body in bodies:
        alice.send_message(mto="bob@localhost", mbody=body, mtype="chat")
    alice.send_message(mto="carol@localhost", mbody="other", mtype="chat")
    await alice.sync("bob@localhost")
    bob = await Someone("bob", server.ports["plain"]).arrive()
    for who, client, expected in (("alice", alice, bodies + ["other"]), ("bob", bob, bodies)):
        check(f"{who} reads all pages", await history(client, rsm={"max": 10}) == expected)
        check("and backwards", await history(client, rsm={"max": 7}, reverse=True) == expected[::-1])
        check("and those of a time", await history(client, start=begin) == expected)
        check("of which there is nothing later", await history(client, start=begin + timedelta(days=1)) == [])
    check("with one", await history(alice, with_jid="carol@localhost") == ["other"])
    page = await bob["xep_0313"].retrieve(rsm={"max": 5}, timeout=WAIT)
    got = [m["mam_result"]["forwarded"]["stanza"] for m in page["mam"]["results"]]
    check("one page", [m["body"] for m in got] == bodies[:5] and not page["mam_fin"]["complete"], page)
    check("messages are as they were", all(m["from"] == alice.boundjid and m["to"] == "bob@localhost" and m["type"] == "chat"
                                           for m in got), got)
    stamps = [m["mam_result"]["forwarded"]["delay"]["stamp"] for m in page["mam"]["results"]]
    check("with their time", all(begin <= s <= datetime.now(timezone.utc) for s in stamps), stamps)
    fields = await alice["xep_0313"].get_fields()
    check("the form has its fields", {"with", "start", "end", "before-id", "after-id", "ids"} <= set(fields.get_fields()), fields)
    metadata = await bob["xep_0313"].get_archive_metadata()
    start, end = metadata["mam_metadata"]["start"], metadata["mam_metadata"]["end"]
    check("metadata names the first and last", start["id"] == page["mam"]["results"][0]["mam_result"]["id"] and
          start["timestamp"] <= end["timestamp"], metadata)
    info = await alice["xep_0030"].get_info("alice@localhost", ifrom=alice.boundjid)
    check("the account says that it archives", {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended"} <= set(info["disco_info"]["features"]),
          info)
    try:
        await alice["xep_0313"].retrieve(rsm={"after": "nonsense"}, timeout=WAIT)
        check("an unknown id is refused", False)
    except IqError as error:
        check("an unknown id is refused", error.condition == "item-not-found", error)
    await preferences(alice, bob)
    await alice.leave()
    await bob.leave()


async def preferences(alice, bob):
    prefs = alice["xep_0441"]
    default, _, _ = await prefs.get_preferences()
    check("all is archived at first", default == "always", default)
    await prefs.set_preferences("always", always=[], never=[slixmpp.JID("bob@localhost")])
    default, _, never = await prefs.get_preferences()
    check("preferences are kept", default == "always" and {str(j) for j in never} == {"bob@localhost"}, never)
    alice.send_message(mto="bob@localhost", mbody="unseen", mtype="chat")
    await alice.sync("bob@localhost")
    check("and followed", "unseen" not in await history(alice))
    check("each for himself", (await history(bob))[-1] == "unseen")


def main():
    with Server() as server:
        server.register("alice", "bob", "carol")
        asyncio.run(asyncio.wait_for(chat(server), 4 * WAIT))
        server.stop()


run(main)
