#!/usr/bin/python3
"""slixmpp, a library that others wrote and bots use: everything that a client does on its first day.

Logs in over STARTTLS and direct TLS, registers, chats, gets what was kept, and uses its plugins for what the server's
modules answer. The interpreter is Debian's, since python3-slixmpp is.
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

PLUGINS = ("xep_0012", "xep_0030", "xep_0048", "xep_0049", "xep_0054", "xep_0077", "xep_0085", "xep_0092", "xep_0191",
           "xep_0199", "xep_0202", "xep_0203")
HELLO, ANSWER = "\uc548\ub155\ud558\uc138\uc694 \U0001f44b\U0001f3fd \ubd09\uc218", "\ub124 \U0001f525 <&> \"'"


class Client(slixmpp.ClientXMPP):
    """Keeps all events, so that a test can wait for one that came already."""

    EVENTS = ("session_start", "failed_auth", "disconnected", "stream_error", "message", "message_error",
              "presence_available", "presence_dnd", "presence_unavailable", "roster_update", "blocked",
              "unblocked")

    def __init__(self, jid, password):
        super().__init__(jid, password)
        self.ca_certs = Path("cert.pem")
        self.queues = {name: asyncio.Queue() for name in self.EVENTS}
        for name, queue in self.queues.items():
            self.add_event_handler(name, queue.put_nowait)
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self["xep_0077"].create_account = False
        self.whitespace_keepalive = False

    async def next(self, name, holds=lambda event: True):
        """The next event of that name for which that holds."""
        async def found():
            while True:
                event = await self.queues[name].get()
                if holds(event):
                    return event
        return await asyncio.wait_for(found(), WAIT)

    async def first_of(self, *names):
        """Which of these happens first."""
        tasks = {asyncio.ensure_future(self.queues[name].get()): name for name in names}
        done, pending = await asyncio.wait(tasks, timeout=WAIT, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return {tasks[task] for task in done}

    async def leave(self):
        await asyncio.wait_for(asyncio.ensure_future(self.disconnect()), WAIT)


class Newcomer(Client):
    """Registers before it logs in; slixmpp 1.8 would hold its request back until then."""

    def __init__(self, jid, password):
        super().__init__(jid, password)
        self["xep_0077"].create_account = True
        self.form = self.answer = None
        self.add_event_handler("register", self.sign_up)

    async def sign_up(self, form):
        self.form = form
        iq = self.Iq()
        iq["type"] = "set"
        iq["register"]["username"], iq["register"]["password"] = self.boundjid.user, self.password
        self.answer = await iq.send(timeout=WAIT)

    def send(self, data, use_filters=True):
        if isinstance(data, slixmpp.Iq) and data.get_plugin("register", check=True):
            self.waiting_queue.put_nowait((data, use_filters))
        else:
            super().send(data, use_filters)


async def login(server, jid, password="secret", port="starttls"):
    client = Client(jid, password)
    client.connect(("127.0.0.1", server.ports[port]), use_ssl=port == "tls", force_starttls=port != "tls")
    return client, await client.first_of("session_start", "failed_auth", "disconnected")


async def enter(server, jid, **more):
    """Logged in, roster read, available."""
    client, what = await login(server, jid, **more)
    assert what == {"session_start"}, what
    await client.get_roster()
    client.send_presence()
    await client.next("presence_available", lambda p: p["from"] == client.boundjid)
    return client


async def logins(server):
    for port in ("starttls", "tls"):
        client, what = await login(server, "alice@localhost/desk", port=port)
        tls = client.transport.get_extra_info("ssl_object")
        check(f"{port}: logged in over TLS", what == {"session_start"} and tls is not None and
              client.boundjid.full == "alice@localhost/desk", what)
        await client.leave()
    client, what = await login(server, "alice@localhost")
    check("the server chooses a resource", what == {"session_start"} and client.boundjid.resource, client.boundjid)
    await client.leave()
    client, what = await login(server, "alice@localhost", password="wrong")
    check("a wrong password fails", what == {"failed_auth"}, what)
    client.abort()
    old, _ = await login(server, "alice@localhost/same")
    new, what = await login(server, "alice@localhost/same")
    check("the newer session gets the resource", what == {"session_start"})
    error = await old.next("stream_error")
    check("the older one is told of the conflict", error["condition"] == "conflict", error)
    await old.next("disconnected")
    old.abort()
    await new.leave()


async def registration(server):
    client = Newcomer("bongsu@localhost", "\ube44\ubc00")
    client.connect(("127.0.0.1", server.ports["starttls"]))
    what = await client.first_of("session_start", "failed_auth", "disconnected")
    check("the form asks for name and password", client.form and {"username", "password"} <=
          set(client.form["register"]["fields"]), client.form)
    check("an account is made, and logs in on the same stream", client.answer["type"] == "result" and
          what == {"session_start"}, what)
    client.abort()
    client, what = await login(server, "bongsu@localhost", password="\ube44\ubc00")
    check("and on another", what == {"session_start"}, what)
    await client["xep_0077"].change_password("\uc0c8 \ube44\ubc00", jid="localhost", timeout=WAIT)
    await client.leave()
    client, what = await login(server, "bongsu@localhost", password="\ube44\ubc00")
    check("the old password fails", what == {"failed_auth"}, what)
    client.abort()
    client, what = await login(server, "bongsu@localhost", password="\uc0c8 \ube44\ubc00")
    check("the new one does not", what == {"session_start"}, what)
    await client["xep_0077"].cancel_registration(jid="localhost", timeout=WAIT)
    error = await client.next("stream_error")
    check("the account is deleted, and its stream ends", error["condition"] == "not-authorized", error)
    client.abort()
    client, what = await login(server, "bongsu@localhost", password="\uc0c8 \ube44\ubc00")
    check("and gone", what == {"failed_auth"}, what)
    client.abort()


async def contacts(alice, bob):
    await alice.update_roster("bob@localhost", name="\ubc25", groups=["\uce5c\uad6c"])
    pushed = await alice.next("roster_update", lambda iq: "bob@localhost" in iq["roster"]["items"])
    item = pushed["roster"]["items"]["bob@localhost"]
    check("a contact is pushed", item["name"] == "\ubc25" and item["groups"] == ["\uce5c\uad6c"] and
          item["subscription"] == "none", item)
    alice.send_presence_subscription("bob@localhost")  # slixmpp lets everybody in and asks back
    for one, other in ((alice, bob), (bob, alice)):
        await one.next("roster_update", lambda iq, jid=other.boundjid.bare: jid in iq["roster"]["items"] and
                       iq["roster"]["items"][jid]["subscription"] == "both")
        seen = await one.next("presence_available", lambda p, jid=other.boundjid: p["from"] == jid)
        check(f"{one.boundjid.user} sees {other.boundjid.user}", seen["to"].bare == one.boundjid.bare)
    alice.send_presence(pshow="dnd", pstatus="\ubc14\ube60\uc694")
    seen = await bob.next("presence_dnd", lambda p: p["from"] == alice.boundjid)
    check("and changes", seen["status"] == "\ubc14\ube60\uc694", seen)
    roster = bob.client_roster["alice@localhost"]
    check("the library's own roster agrees", roster["subscription"] == "both" and roster["to"] and roster["from"])


async def chat(alice, bob):
    alice.send_message("bob@localhost", HELLO, mtype="chat")
    got = await bob.next("message")
    check("a message", got["body"] == HELLO and got["type"] == "chat" and got["from"] == alice.boundjid, got)
    got.reply(ANSWER).send()
    got = await alice.next("message")
    check("the answer", got["body"] == ANSWER and got["from"] == bob.boundjid, got)
    bob.send_message("alice@localhost/gone", "x", mtype="groupchat")
    error = await bob.next("message_error")
    check("an error", error["error"]["condition"] == "service-unavailable", error)


async def offline(server, alice, bob):
    await bob.leave()
    gone = await alice.next("presence_unavailable", lambda p: p["from"] == bob.boundjid)
    check("bob is seen to go", gone["type"] == "unavailable")
    for n in range(3):
        alice.send_message("bob@localhost", f"{HELLO} {n}", mtype="chat")
    await alice["xep_0199"].send_ping("localhost", timeout=WAIT)
    bob = await enter(server, "bob@localhost/later", port="tls")
    for n in range(3):
        got = await bob.next("message")
        check(f"message {n} was kept, with its time", got["body"] == f"{HELLO} {n}" and got["delay"]["stamp"].year > 2000 and
              got["delay"]["from"] == "localhost", got)
    return bob


async def small_things(alice, bob):
    check("ping", await alice["xep_0199"].ping("localhost", timeout=WAIT) < WAIT)
    info = (await alice["xep_0030"].get_info("localhost", timeout=WAIT))["disco_info"]
    check("disco#info", ("server", "im") in {i[:2] for i in info["identities"]} and
          {"urn:xmpp:ping", "urn:xmpp:blocking", "jabber:iq:version"} <= set(info["features"]), info)
    items = await alice["xep_0030"].get_items("localhost", timeout=WAIT)
    check("disco#items", items["type"] == "result")
    info = (await alice["xep_0030"].get_info("bob@localhost", timeout=WAIT))["disco_info"]
    check("of a contact", ("account", "registered") in {i[:2] for i in info["identities"]}, info)
    version = (await alice["xep_0092"].get_version("localhost", timeout=WAIT))["software_version"]
    check("version", version["name"] == "Bongsu" and version["version"], version)
    time = (await alice["xep_0202"].get_entity_time("localhost", timeout=WAIT))["entity_time"]
    check("time", time.xml.findtext("{urn:xmpp:time}utc").endswith("Z"), time)
    last = (await alice["xep_0012"].get_last_activity("localhost", timeout=WAIT))["last_activity"]
    check("uptime", 0 <= last["seconds"] < 10 * WAIT, last)
    last = (await alice["xep_0012"].get_last_activity("bob@localhost", timeout=WAIT))["last_activity"]
    check("last activity of a contact", last["seconds"] == 0, last)
    card = alice["xep_0054"].make_vcard()
    card["FN"] = "\uc568\ub9ac\uc2a4"
    await alice["xep_0054"].publish_vcard(card, timeout=WAIT)
    got = await bob["xep_0054"].get_vcard("alice@localhost", timeout=WAIT)
    check("vCard", got["vcard_temp"]["FN"] == "\uc568\ub9ac\uc2a4", got)
    marks = alice["xep_0048"].stanza.Bookmarks()
    marks.add_conference("room@rooms.localhost", "\ubc29", name="\uc6b0\ub9ac")
    await alice["xep_0048"].set_bookmarks(marks, method="xep_0049", timeout=WAIT)
    got = await alice["xep_0048"].get_bookmarks(method="xep_0049", timeout=WAIT)
    rooms = got["private"]["bookmarks"]["conferences"]
    check("private XML", [(r["jid"], r["name"], r["nick"]) for r in rooms] ==
          [("room@rooms.localhost", "\uc6b0\ub9ac", "\ubc29")], got)
    try:
        await alice["xep_0092"].get_version("nobody@localhost", timeout=WAIT)
        check("an error for nobody", False)
    except IqError as error:
        check("an error for nobody", error.condition == "service-unavailable", error)


async def blocking(alice, bob):
    await alice["xep_0191"].get_blocked(timeout=WAIT)
    await alice["xep_0191"].block("bob@localhost", timeout=WAIT)
    pushed = await alice.next("blocked")
    check("the list is pushed", "bob@localhost" in {str(j) for j in pushed["block"]["items"]}, pushed)
    gone = await bob.next("presence_unavailable", lambda p: p["from"] == alice.boundjid)
    check("the blocked one sees alice go", gone["type"] == "unavailable")
    bob.send_message("alice@localhost", "?", mtype="chat")
    check("and gets messages back", (await bob.next("message_error"))["error"]["condition"] == "service-unavailable")
    blocked = (await alice["xep_0191"].get_blocked(timeout=WAIT))["blocklist"]["items"]
    check("the list", {str(j) for j in blocked} == {"bob@localhost"}, blocked)
    await alice["xep_0191"].unblock("bob@localhost", timeout=WAIT)
    await alice.next("unblocked")
    seen = await bob.next("presence_dnd", lambda p: p["from"] == alice.boundjid)
    check("unblocked, and seen again as before", seen["status"] == "\ubc14\ube60\uc694", seen)
    bob.send_message("alice@localhost", "!", mtype="chat")
    check("messages arrive again", (await alice.next("message"))["body"] == "!")


async def session(server):
    server.register("alice", "bob")
    await logins(server)
    await registration(server)
    alice, bob = await enter(server, "alice@localhost/desk"), await enter(server, "bob@localhost/phone", port="tls")
    await contacts(alice, bob)
    await chat(alice, bob)
    bob = await offline(server, alice, bob)
    await small_things(alice, bob)
    await blocking(alice, bob)
    for client in (alice, bob):
        await client.leave()


def everything():
    with Server(modules={"register": {"open": True}}) as server:
        asyncio.run(session(server))
        server.stop()


run(everything)
