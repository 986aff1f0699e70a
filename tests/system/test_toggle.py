#!/usr/bin/env python3
"""Each module is turned off and on again by a reload, while people write to each other.

Whatever goes off: a message arrives once at each device that is there, at the next login of who is not, and after the
resumption of who lost the connection; or its sender is told that it did not. What an account had set before is in force again
afterwards.
"""
import itertools
import threading
from collections import Counter

from bongsu import Server, check, run
from bongsu.muc import codes, enter, make
from bongsu.pep import device, event, online, publish
from bongsu.sm import ack, enable, resume

ROOM = "den@conference.localhost"
NODE = "urn:example:mood"
BURST = 10
TO = {"alice": "alice@localhost", "carol": "carol@localhost", "dave": "dave@localhost", "room": ROOM}

server = Server(modules={}, c2s={"max_unacked": 500, "stanzas_per_second": 0})
alice, bob, dave = {}, None, None
late = None  # a device of alice that comes while the module pep is off
numbers = itertools.count(1)
sent = {name: [] for name in TO}  # in this round


def burst():
    """Bob writes to all, and waits for nothing."""
    for _ in range(BURST):
        for name, to in TO.items():
            body = f"{name} {next(numbers)}"
            kind = "groupchat" if name == "room" else "chat"
            bob.send(f"<message to='{to}' type='{kind}' id='{body}'><body>{body}</body></message>")
            sent[name].append(body)


def reload(**modules):
    server.configure(modules=modules)
    done = server.reload()
    if done.code:
        check("the configuration is reloaded", False, done)


def reload_amid(**modules):
    """The same while bob writes."""
    writer = threading.Thread(target=burst)
    writer.start()
    reload(**modules)
    writer.join()


def bodies(client, name, last):
    """Of bob's messages to `name` that came, up to the last."""
    got = []
    while last not in got:
        body = client.wait(lambda e: e.name == "message" and (e.text("c:body") or "").startswith(name)
                           and e.get("type") != "error").text("c:body")
        got.append(body)
    return got


def close(name):
    """A last message; its body."""
    body = f"{name} end {next(numbers)}"
    bob.send(f"<message to='{TO[name]}' type='{'groupchat' if name == 'room' else 'chat'}' id='{body}'><body>{body}</body></message>")
    return body


def refused(name):
    """Bodies of those that bob was told did not arrive; all errors are here before the answer to a request behind them."""
    bob.ask("get", "<query xmlns='jabber:iq:version'/>", to=TO[name])
    found = [e for e in bob.came if e.name == "message" and e.get("type") == "error" and (e.get("id") or "").startswith(name)]
    for e in found:
        bob.came.remove(e)
    return [e.get("id") for e in found]


def judge(module, name, who, got, errors, may_refuse=False):
    """Each was got once and in order, or refused."""
    expected = [body for body in sent[name] if body not in errors]
    got = [body for body in got if "end" not in body]
    if got != expected:
        lost, more = Counter(expected) - Counter(got), Counter(got) - Counter(expected)
        return check(f"{module}: {who} got everything once, in order", False, f"lost {lost}; too much {more}; errors {errors}")
    if errors and not may_refuse:
        return check(f"{module}: nothing to {who} was refused", False, errors)
    return True


def log_in():
    global bob, dave  # pylint: disable=global-statement
    server.start()
    server.register("alice", "bob", "carol", "dave", "eve", "frank")
    for one, other in (("alice", "bob"), ("bob", "alice")):
        server.ctl("add_rosteritem", one, "localhost", other, "localhost", other, "", "both")
    bob = server.login("bob", "r")
    bob.available()
    make(bob, ROOM, "bo")
    alice["phone"] = online(server, "alice", "phone", NODE)
    alice["desk"] = online(server, "alice", "desk", NODE)
    alice["desk"].ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
    alice["phone"].ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='eve@localhost'/></block>")
    enter(alice["phone"], ROOM, "al")
    dave = enable(server.login("dave", "r"))
    dave.available()
    ack(dave).sync()
    ack(dave).close()


def finish(module):
    """What each of them got of a round."""
    global dave  # pylint: disable=global-statement
    in_room, errors = [], []
    if module == "muc":  # all had to leave
        for client in (bob, alice["phone"]):
            client.wait(lambda e: e.name == "presence" and 332 in codes(e) and 110 in codes(e))
        errors = [e.get("id") for e in enter(bob, ROOM, "bo").before if e.get("type") == "error"]
        entered = enter(alice["phone"], ROOM, "al")
        in_room = [e.text("c:body") for e in entered.before if e.name == "message"]
        # What was on its way to disk when all had to leave is there when they are back.
        in_room += [e.text("c:body") for e in entered.history if e.text("c:body") in {*sent["room"]} - {*in_room}]
    fine = True
    last = close("alice")
    refusals = refused("alice")
    for who, client in alice.items():
        fine &= judge(module, "alice", who, bodies(client, "alice", last), refusals)
    last = close("room")
    in_room += bodies(alice["phone"], "room", last)
    fine &= judge(module, "room", "alice in the room", in_room, errors + refused("room"), module == "muc")
    errors = refused("carol")
    with server.login("carol") as carol:
        carol.available()
        last = close("carol")
        fine &= judge(module, "carol", "carol", bodies(carol, "carol", last), errors, module == "offline")
        carol.ends()
    dave = resume(server, dave)
    last = close("dave")
    fine &= judge(module, "dave", "dave", bodies(dave, "dave", last), refused("dave"))
    ack(dave).sync()
    ack(dave).close()
    for bodies_sent in sent.values():
        bodies_sent.clear()
    for client in (bob, *alice.values()):
        client.take()
    return fine


def carbons_go_on():
    bob.send(f"<message to='{alice['phone'].jid}' type='chat'><body>for the phone</body></message>")
    check("carbons: who wanted copies gets them", alice["desk"].wait("urn:xmpp:carbons:2.*for the phone"))
    alice["phone"].wait("for the phone")


def eve_is_blocked():
    with server.login("eve") as eve:
        eve.send("<message to='alice@localhost' type='chat' id='x'><body>from eve</body></message>")
        answer = eve.wait(lambda e: e.get("id") == "x")
        check("blocking: who was blocked is blocked", answer.condition == "service-unavailable", answer)


def events_go_on():
    publish(alice["phone"], NODE, "<a xmlns='urn:example'/>", item="2")
    check("pep: devices hear of what is published", event(alice["desk"], NODE).get("id") == "2")
    check("pep: one that came meanwhile is told of what is there, too", event(late, NODE).get("id") == "1")
    check("pep: and of what comes", event(late, NODE).get("id") == "2")
    late.ends()


def messages_are_archived():
    with server.login("alice", "reader") as reader:
        reader.send("<iq type='set' id='h'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>"
                    "<max>1</max><before/></set></query></iq>")
        check("mam: the last message is in the archive", reader.wait("urn:xmpp:mam:2.*alice end"))


AFTERWARDS = {"carbons": carbons_go_on, "blocking": eve_is_blocked, "pep": events_go_on, "mam": messages_are_archived}


def each():
    global late  # pylint: disable=global-statement
    publish(alice["phone"], NODE, "<a xmlns='urn:example'/>", item="1")
    for client in alice.values():
        event(client, NODE)
    names = [line.split()[0] for line in server.ctl("modules_installed").out.splitlines()]
    check("there are modules", {"offline", "mam", "muc", "csi"} <= set(names), names)
    for module in names:
        burst()
        reload_amid(**{module: False})
        burst()
        if module == "pep":
            late = device(server, "alice", "late", NODE)
            late.available(late.caps())
        reload_amid()
        check(f"{module} goes off and on", finish(module))
        AFTERWARDS.get(module, bool)()


def while_handing_out():
    """Offline messages are being handed out when their module is turned off, to a client that acknowledges slowly."""
    for i in range(300):
        bob.send(f"<message to='frank@localhost' type='chat'><body>frank {i}</body></message>")
    bob.sync()
    frank = enable(server.login("frank", "r"))
    frank.available()
    got = [frank.wait(lambda e: e.name == "message").text("c:body") for _ in range(100)]
    reload(offline=False)
    for i in range(300, 320):
        bob.send(f"<message to='frank@localhost' type='chat'><body>frank {i}</body></message>")
    while len(got) < 320:
        ack(frank)
        got.append(frank.wait(lambda e: e.name == "message").text("c:body"))
    check("all arrives in order", got == [f"frank {i}" for i in range(320)], got)
    bob.send("<message to='frank@localhost' type='chat'><body>off</body></message>")
    check("what comes now, too", frank.wait("<body>off</body>"))
    ack(frank).sync()
    ack(frank).ends()
    bob.send("<message to='frank@localhost' type='chat' id='nobody'><body>nobody</body></message>")
    answer = bob.wait(lambda e: e.get("id") == "nobody")
    check("nobody keeps what comes for who is not there", answer.condition == "service-unavailable", answer)
    reload()
    bob.send("<message to='frank@localhost' type='chat'><body>kept</body></message>")
    bob.sync()
    with server.login("frank") as frank:
        frank.available()
        bob.send("<message to='frank@localhost' type='chat'><body>last</body></message>")
        got = [frank.wait(lambda e: e.name == "message").text("c:body") for _ in range(2)]
        check("only what came since it is on was kept", got == ["kept", "last"], got)
        frank.ends()


def kept_before():
    """Who logs in while the module is off gets what was kept before as soon as it is on."""
    bob.send("<message to='frank@localhost' type='chat'><body>before</body></message>")
    bob.ask("get", "<query xmlns='jabber:iq:version'/>", to="frank@localhost")
    reload(offline=False)
    with server.login("frank") as frank:
        frank.available()
        bob.send("<message to='frank@localhost' type='chat'><body>live</body></message>")
        check("what comes arrives", frank.wait("<message").text("c:body") == "live")
        reload()
        check("what was kept arrives", frank.wait("<message").text("c:body") == "before")
        bob.send("<message to='frank@localhost' type='chat'><body>end</body></message>")
        check("once", frank.wait("<message").text("c:body") == "end")
        frank.ends()


run(log_in, each, while_handing_out, kept_before, server.stop)
