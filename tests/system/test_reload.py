#!/usr/bin/env python3
"""The configuration changes while clients are at work: modules go off and on, a host goes and comes back.

What a module began before it was turned off comes to its end, and so does what was under way for a host that is gone; nobody
is left behind in a room that is no more.
"""
from bongsu import Server, check, run, wait_for
from bongsu.muc import codes, enter, make
from bongsu.server import STORE
from bongsu.sm import SM, ack, ask_resume, enable, ready, received

HOSTS = ["localhost", "other.example"]
MODULES = ("blocking", "inbox", "mam", "muc", "offline", "pep", "private", "register", "vcard")
NODE = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='urn:n'><item><x xmlns='urn:n'/></item></publish></pubsub>"
REQUESTS = {  # which ask the store, and look at their options when it has answered
    "inbox": "<inbox xmlns='urn:xmpp:inbox:1'/>",
    "mam": "<query xmlns='urn:xmpp:mam:2'/>",
    "pep": NODE,
    "private": "<query xmlns='jabber:iq:private'><a xmlns='urn:a'/></query>",
    "register": "<query xmlns='jabber:iq:register'><username>alice</username><password>secret</password></query>",
    "vcard": "<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>",
    "blocking": "<block xmlns='urn:xmpp:blocking'><item jid='who@example.org'/></block>",  # what comes behind waits for it
}
server = Server(hosts=HOSTS, store=STORE.replace("{", "{threads: 1, ") if "mariadb" in STORE else STORE)


def reload(**options):
    server.configure(**options)
    done = server.reload()
    check("the configuration is reloaded", done.code == 0, done)


def ask_all(client):
    for name, payload in REQUESTS.items():
        client.send(f"<iq type='set' id='{name}'>{payload}</iq>")


def answered(client, when):
    for name in REQUESTS:
        answer = client.wait(lambda e, name=name: e.name == "iq" and e.get("id") == name)
        check(f"{when}: {name} is answered", answer.get("type") in ("result", "error"), answer)


def modules_off():
    """Requests are waiting for the store when their modules are turned off."""
    alice = server.login("alice")
    with server.held():
        alice.send("<message to='bob@localhost' type='chat'><body>first</body></message>")  # what follows waits
        ask_all(alice)
        reload(modules={name: False for name in MODULES})
    answered(alice, "off")
    reload(modules={})
    ask_all(alice)
    answered(alice, "on again")
    bob = server.login("bob")
    with server.held():
        bob.send("<message to='alice@localhost' type='chat'><body>first</body></message>")
        check("commands that need no store go on", server.ctl("connected_users_number").out == "2\n")
        ask_all(alice)  # what the store is asked for waits behind the message
        server.ctl("connected_users_number")
        reload(modules={name: False for name in MODULES})
    answered(alice, "off in the middle")
    reload(modules={})


def host_gone():
    """A host goes while its users' messages, offline messages and publications are under way; then it is back."""
    alice, carol = server.login("alice", host="other.example"), server.login("carol", host="other.example")
    for i in range(5):
        alice.send(f"<message to='carol@other.example' type='chat'><body>{i}</body></message>")
    # Nothing is to be ahead of carol's presence when the store stands still.
    wait_for("messages are kept for carol", lambda: server.ctl("get_offline_count", "carol", "other.example").out == "5\n")
    with server.held():
        alice.send("<message to='carol@other.example' type='chat'><body>waits</body></message>")
        ask_all(alice)
        carol.send("<presence/>")
        carol.wait(lambda e: e.name == "presence")  # what waited for her is asked for
        reload(hosts=["localhost"])
        check("its clients are told", alice.ended() == "host-gone" and carol.ended() == "host-gone")
    reload(hosts=HOSTS)
    carol = server.login("carol", host="other.example")
    carol.available()
    alice = server.login("alice", host="other.example")
    alice.send("<message to='carol@other.example' type='chat'><body>last</body></message>")
    check("what comes now arrives, and nothing is held back for ever", carol.wait("<body>last</body>"))
    check("messages wait for nobody any more", server.ctl("get_offline_count", "carol", "other.example").out == "0\n")


def falls_asleep(client):
    before = server.log().count("waits to be resumed")
    client.close()
    wait_for("the session waits to be resumed", lambda: server.log().count("waits to be resumed") > before)


def host_gone_asleep():
    """A host goes while a session of it waits for its client: what that did not acknowledge waits for the next login."""
    for modules in ({}, {"mam": False}):
        reload(modules=modules)
        with server.login("carol", host="other.example") as late:  # nothing waits
            late.available()
            late.ends()
        carol = enable(server.login("carol", "phone", host="other.example"))
        carol.available()
        ack(carol)
        alice = server.login("alice")
        alice.send("<message to='carol@other.example' type='chat'><body>seen</body></message>")
        check("one message arrives", carol.wait("<body>seen</body>"))
        ack(carol).sync()
        ack(carol).send(f"<r xmlns='{SM}'/>")
        carol.wait(lambda e: e.ns == SM and e.name == "a")
        alice.send("<message to='carol@other.example' type='chat'><body>unseen</body></message>")
        carol.wait("<body>unseen</body>")
        falls_asleep(carol)
        alice.send("<message to='carol@other.example' type='chat'><body>asleep</body></message>")
        alice.sync()
        sessions = server.ctl("connected_users").out
        check("the session waits", "carol@other.example/phone" in sessions, sessions)
        reload(hosts=["localhost"])
        sessions = server.ctl("connected_users").out
        check("with its host the session is gone", "carol" not in sessions, sessions)
        alice.send("<message to='carol@other.example' type='chat' id='gone'><body>nobody</body></message>")
        answer = alice.wait(lambda e: e.get("id") == "gone")
        check("nobody is there", answer.condition == "remote-server-not-found", answer)
        reload(hosts=HOSTS)
        check("nobody resumes it", ask_resume(ready(server, "carol", host="other.example"), carol.sm, 1).name == "failed")
        carol = server.login("carol", "phone", host="other.example")
        carol.available()
        carol.send("<message to='carol@other.example/phone' type='chat'><body>the end</body></message>")
        bodies = []
        while "the end" not in bodies:
            bodies.append(carol.wait(lambda e: e.name == "message").text("c:body"))
        check("what it did not acknowledge is there, once", bodies == ["unseen", "asleep", "the end"], (modules, bodies))
        carol.ends()
        alice.ends()
    reload(modules={})


def host_gone_at_restart():
    """The same by a restart: the session waits in the store until its host is back."""
    carol = enable(server.login("carol", "phone", host="other.example"))
    carol.available()
    ack(carol)
    alice = server.login("alice")
    alice.send("<message to='carol@other.example' type='chat'><body>unseen</body></message>")
    carol.wait("<body>unseen</body>")
    falls_asleep(carol)
    alice.ends()
    server.configure(hosts=["localhost"])
    server.restart()
    check("without its host the session is not there", "carol" not in server.ctl("connected_users").out)
    reload(hosts=HOSTS)
    client = ready(server, "carol", host="other.example")
    answer = ask_resume(client, carol.sm, received(carol) - 1)
    check("when it is back its client resumes it", answer.name == "resumed", answer)
    check("and gets what it did not acknowledge", client.wait("<body>unseen</body>"))
    client.send("</stream:stream>")
    client.ended()


def rooms_gone():
    """The rooms' module is turned off, and on again: the occupants are told, and gone."""
    alice, bob = server.login("alice"), server.login("bob")
    room = "den@conference.localhost"
    make(alice, room, "al")
    enter(bob, room, "bo")
    reload(modules={"muc": False})
    for client, nick in ((alice, "al"), (bob, "bo")):
        left = client.wait(lambda e, nick=nick: e.name == "presence" and e.get("from") == f"{room}/{nick}" and
                           e.get("type") == "unavailable")
        check(f"{nick} hears that the service is shut down", {110, 332} <= set(codes(left)), left)
    reload(modules={})
    alice.sync().take()
    entered = enter(alice, room, "al")
    check("nobody else is there", not entered.others, entered.others)


def no_pages_for_the_deleted():
    """An account is deleted while it reads its history; the one that is made in its place reads its own."""
    dora = server.login("dora")
    for i in range(40):
        dora.send(f"<message to='nobody@localhost' type='chat'><body>{'x' * 9000}{i}</body></message>")
    dora.sync()
    for i in range(20):
        dora.send(f"<iq type='set' id='q{i}'><query xmlns='urn:xmpp:mam:2'/></iq>")
    check("the account is deleted", server.ctl("unregister", "dora", "localhost").code == 0)
    dora.close()
    server.register("dora")
    with server.login("dora") as dora:
        answer = dora.ask("set", "<query xmlns='urn:xmpp:mam:2'/>")
        check("its successor has no history", answer.get("type") == "result" and "complete='true'" in answer.raw, answer)


def main():
    server.start()
    server.register("alice", "bob", "dora")
    server.register("alice", "carol", host="other.example")
    run(modules_off, host_gone, host_gone_asleep, host_gone_at_restart, rooms_gone, no_pages_for_the_deleted, server.stop)


main()
