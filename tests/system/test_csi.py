#!/usr/bin/env python3
"""XEP-0352: a phone in a pocket hears only what matters, and misses nothing when its user looks again."""
from bongsu import Server, check, run
from bongsu.sm import ack, enable, is_sm, received, resume

CSI = "urn:xmpp:csi:0"
server = Server()
alice = bob = carol = None
COMPOSING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
PAUSED = "<paused xmlns='http://jabber.org/protocol/chatstates'/>"


def csi(client, state):
    client.send(f"<{state} xmlns='{CSI}'/>")
    return client


def login():
    global alice, bob, carol  # pylint: disable=global-statement
    server.start()
    server.register("alice", "bob", "carol")
    with server.client() as client:
        check("no feature before login", client.features.find(f"{{{CSI}}}csi") is None)
    alice, bob, carol = (server.login(name, "r") for name in ("alice", "bob", "carol"))
    check("the feature after login", alice.features.find(f"{{{CSI}}}csi") is not None)
    for one, other in (("alice", "bob"), ("bob", "alice"), ("alice", "carol"), ("carol", "alice")):
        server.ctl("add_rosteritem", one, "localhost", other, "localhost", other, "", "both")
    for client in (alice, bob, carol):
        client.available()
    settle()


def settle():
    """What was sent has arrived, or is held back."""
    for client in (bob, carol):
        client.ask("get", "<query xmlns='jabber:iq:last'/>", to="alice@localhost")
        client.take()
    alice.take()


def heard():
    """All that reaches alice while she is inactive: an iq would bring everything."""
    for client in (bob, carol):
        client.ask("get", "<query xmlns='jabber:iq:last'/>", to="alice@localhost")
    try:
        alice.wait("never", seconds=0.3)
    except Exception:  # pylint: disable=broad-except  # nothing comes
        pass
    return alice.take()


def shows(elements):
    return [(e.get("from"), e.text("c:show")) for e in elements if e.name == "presence"]


def presence():
    csi(alice, "inactive").sync()
    alice.take()
    for show in ("away", "xa", "dnd"):
        bob.send(f"<presence><show>{show}</show></presence>")
        carol.send(f"<presence><show>{show}</show></presence>")
    carol.ask("get", "<query xmlns='jabber:iq:last'/>", to="alice@localhost")  # hers has arrived
    bob.send("<presence><show>chat</show></presence>")
    check("presence waits", heard() == [])
    bob.send("<message to='alice@localhost' type='chat'><body>hi</body></message>")
    first = [alice.wait() for _ in range(3)]
    check("a message brings it first, the latest of each, in order", shows(first) ==
          [(carol.jid, "dnd"), (bob.jid, "chat")] and first[2].text("c:body") == "hi", first)
    bob.send("<presence type='unavailable'/>")
    check("the phone is still inactive", heard() == [])
    csi(alice, "active")
    check("when it is active all comes", alice.wait().get("type") == "unavailable")
    bob.available()
    check("and goes on coming", alice.wait().get("from") == bob.jid)
    settle()


def states():
    csi(alice, "inactive").sync()
    for state in (COMPOSING, PAUSED, COMPOSING):
        bob.send(f"<message to='{alice.jid}' type='chat'>{state}<thread>t</thread></message>")
    check("chat states wait", heard() == [])
    csi(alice, "active")
    check("the last of them comes", "composing" in alice.wait("<message").raw)
    check("and no other", heard() == [])
    csi(alice, "inactive").sync()
    bob.send(f"<message to='{alice.jid}' type='chat'>{COMPOSING}<body>with text</body></message>")
    check("one with text comes at once", alice.wait().text("c:body") == "with text")
    csi(alice, "active")


def copied_states():
    """Of each conversation of another device the last one."""
    desk = server.login("alice", "desk")
    alice.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    csi(alice, "inactive").sync()
    for to, state in ((bob, COMPOSING), (carol, COMPOSING), (bob, PAUSED)):
        desk.send(f"<message to='{to.jid}' type='chat'>{state}</message>")
    desk.sync()
    check("copies of chat states wait", heard() == [])
    csi(alice, "active")
    got = [alice.wait("<message").raw for _ in range(2)]
    check("the last of each conversation comes", [carol.jid in got[0] and "composing" in got[0], bob.jid in got[1] and "paused" in got[1]]
          == [True] * 2, got)
    check("and no other copy", heard() == [])
    alice.ask("set", "<disable xmlns='urn:xmpp:carbons:2'/>")
    desk.ends()
    settle()


def events():
    def event(node, item):
        return (f"<message to='{alice.jid}' type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'>"
                f"<items node='{node}'><item id='{item}'/></items></event></message>")
    csi(alice, "inactive").sync()
    for node, item in (("a", "1"), ("b", "2"), ("a", "3")):
        bob.send(event(node, item))
    bob.ask("get", "<query xmlns='jabber:iq:last'/>", to="alice@localhost")  # his have arrived
    carol.send(event("a", "4"))
    check("events wait", heard() == [])
    csi(alice, "active")
    got = [alice.wait("<event").raw for _ in range(3)]
    check("the latest of each node of each sender comes", ["'2'" in got[0], "'3'" in got[1], "'4'" in got[2]] == [True] * 3, got)
    check("and no other", heard() == [])


URGENT = {
    "a message with a body": "<message to='{}' type='chat'><body>x</body></message>",
    "a subject": "<message to='{}'><subject>x</subject></message>",
    "an encrypted message": "<message to='{}' type='chat'><encrypted xmlns='eu.siacs.conversations.axolotl'/></message>",
    "a call": "<message to='{}' type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='1'/></message>",
    "a receipt": "<message to='{}' type='chat'><received xmlns='urn:xmpp:receipts' id='1'/></message>",
    "an invitation": "<message to='{}'><x xmlns='jabber:x:conference' jid='r@c.example'/></message>",
    "a headline with text": "<message to='{}' type='headline'><body>x</body></message>",
    "an error": "<message to='{}' type='error'><error type='cancel'/></message>",
    "an iq": "<iq to='{}' type='get' id='i'><ping xmlns='urn:xmpp:ping'/></iq>",
    "a subscription request": "<presence to='alice@localhost' type='subscribe'/>",
}


def urgent():
    for what, text in URGENT.items():
        if "subscribe" in text:
            server.register("dave")
            sender = server.login("dave", "r")
        else:
            sender = bob
        csi(alice, "inactive").sync()
        alice.take()
        bob.send("<presence><show>away</show></presence>")
        bob.ask("get", "<query xmlns='jabber:iq:last'/>", to="alice@localhost")
        sender.send(text.format(alice.jid))
        first, second = alice.wait(), alice.wait()
        check(f"{what} comes at once, after what waited", first.text("c:show") == "away" and sender.jid.startswith(
            second.get("from")), (first, second))
        csi(alice, "active").sync()
        if sender is not bob:
            sender.ends()
    settle()


def pings():
    csi(alice, "inactive").sync()
    bob.send("<presence><show>xa</show></presence>")
    bob.ask("get", "<query xmlns='jabber:iq:last'/>", to="alice@localhost")
    alice.send("<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    got = [alice.wait(), alice.wait()]
    check("what the client asks for is answered behind what waited", [e.name for e in got] == ["presence", "iq"], got)
    csi(alice, "inactive")
    csi(alice, "active")
    csi(alice, "active").sync()
    check("saying it twice does no harm", alice.sync())
    settle()


def bound():
    csi(alice, "inactive").sync()
    for i in range(501):
        bob.send(f"<message to='{alice.jid}' type='headline' id='h{i}'><x xmlns='x'/></message>")
    got = [alice.wait("<message").get("id") for _ in range(501)]
    check("too much is not held", got == [f"h{i}" for i in range(501)])
    csi(alice, "active").sync()


def with_stream_management():
    phone = enable(server.login("alice", "phone"))
    phone.available()
    for contact in ("bob", "carol"):  # the probes are answered
        phone.wait(f"from='{contact}@localhost/r'")
    phone.sync()
    ack(phone)
    phone.take()
    csi(phone, "inactive").sync()
    ack(phone)
    count = received(phone)
    bob.send("<presence><show>away</show></presence>")
    bob.ask("get", "<query xmlns='jabber:iq:last'/>", to="alice@localhost")
    phone.send("<r xmlns='urn:xmpp:sm:3'/>")
    phone.wait(is_sm("a"))
    check("what is held was not sent", received(phone) == count)
    phone.send(f"<a xmlns='urn:xmpp:sm:3' h='{count}'/>")
    phone.close()
    server.wait_log("waits to be resumed")
    for show in ("xa", "dnd"):
        bob.send(f"<presence><show>{show}</show></presence>")
    bob.ask("get", "<query xmlns='jabber:iq:last'/>", to="alice@localhost")
    again = resume(server, phone)
    check("a resumed client gets what is held, the latest", again.wait("<presence").text("c:show") == "dnd")
    bob.send("<presence><show>chat</show></presence>")
    got = again.wait("<presence")
    check("and is active", got.text("c:show") == "chat", got)
    rest = [e for e in again.sync().take() if e.name == "presence"]
    check("once", rest == [], rest)
    csi(again, "inactive").sync()
    bob.send("<presence><show>away</show></presence>")
    again.close()
    server.ctl("kick_user", "alice", "localhost")
    check("a session may end with what it holds", server.ctl("user_resources", "alice", "localhost").code == 0)


def turned_off():
    """What is held when the module is turned off goes out.  A session that ends meanwhile leaves nothing behind that could be
    mistaken for another's."""
    phone = server.login("alice", "pocket")
    phone.available()
    for contact in ("bob", "carol"):
        phone.wait(f"from='{contact}@localhost/r'")
    csi(phone, "inactive").sync()
    bob.send("<presence><show>dnd</show></presence>")
    bob.send(f"<message to='{phone.jid}' type='chat'>{COMPOSING}</message>")
    bob.ask("get", "<query xmlns='jabber:iq:last'/>", to="alice@localhost")
    server.configure(modules={"csi": False})
    check("the module is turned off", server.ctl("reload_config").code == 0)
    check("what is held goes out", phone.wait("<show>dnd</show>") and phone.wait("<composing"))
    bob.send("<presence><show>chat</show></presence>")
    check("and nothing is held any more", phone.wait("<show>chat</show>"))
    phone.ends()
    server.configure(modules={})
    check("and on again", server.ctl("reload_config").code == 0)
    phone = server.login("alice", "pocket")
    phone.available()
    bob.send("<presence><show>xa</show></presence>")
    check("a new session is active", phone.wait(lambda e: e.name == "presence" and e.text("c:show") == "xa"))
    phone.ends()
    check("an account with what was left can be deleted", server.ctl("unregister", "alice", "localhost").code == 0)


def over():
    for client in (alice, bob, carol):
        client.close()
    server.stop()


run(login, presence, states, copied_states, events, urgent, pings, bound, with_stream_management, turned_off, over)
