#!/usr/bin/env python3
"""Displayed synchronisation (XEP-0490): what one device has shown, the others know.

Alice's phone publishes what it has shown, or puts it into the message that tells bob; the server takes it out, publishes it
for her other devices, and bob gets the rest.
"""
from bongsu import Server, check, run
from bongsu.pep import INFO, OWNER, PRIVATE, befriend, configure, device, event, events, items, online, publish, pubsub

MDS, MARKERS = "urn:xmpp:mds:displayed:0", "urn:xmpp:chat-markers:0"


def displayed(name, by="alice@localhost"):
    return f"<displayed xmlns='{MDS}'><stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='{name}'/></displayed>"


def read(client):
    return {jid: x.find("{urn:xmpp:sid:0}stanza-id").get("id") for jid, x in (items(client, MDS) or {}).items()}


def by_itself(phone, laptop):
    answer = publish(phone, MDS, displayed("one"), "bob@localhost", **PRIVATE)
    got = event(laptop, MDS)
    check("a device publishes, another is told", answer.get("type") == "result" and got.get("id") == "bob@localhost", answer)


def assisted(phone, laptop, bob):
    answer = phone.ask("get", f"<query xmlns='{INFO}'/>", to="alice@localhost")
    check("the account offers to do it", "urn:xmpp:mds:server-assist:0" in answer.raw, answer)
    marker = f"<displayed xmlns='{MARKERS}' id='m1'/>"
    phone.send(f"<message to='bob@localhost' type='chat' id='x'>{marker}{displayed('two')}</message>")
    got = bob.wait("id='x'")
    check("the other side gets the rest", marker in got.raw and MDS not in got.raw, got)
    event(phone, MDS)
    got = event(laptop, MDS)
    check("the other device is told", got.get("id") == "bob@localhost" and "two" in got[0][0].get("id"), got.attrib)
    check("it is published", read(phone) == {"bob@localhost": "two"}, read(phone))
    phone.send(f"<message to='room@rooms.localhost' type='groupchat' id='y'>{marker}{displayed('three', 'room@rooms.localhost')}</message>")
    check("for a room as well", event(laptop, MDS).get("id") == "room@rooms.localhost")
    phone.send(f"<message to='bob@localhost' id='z'>{displayed('four')}</message>")
    event(laptop, MDS)
    phone.send("<message to='bob@localhost' id='end'><body>end</body></message>")
    check("what holds nothing else goes nowhere", bob.wait("<message ").get("id") == "end")
    check("but is published", read(phone) == {"room@rooms.localhost": "three", "bob@localhost": "four"}, read(phone))


def archived(phone):
    """It is taken out before the message gets into the archive, and events do not get there at all."""
    phone.take()
    answer = phone.ask("set", "<query xmlns='urn:xmpp:mam:2'/>")
    kept = [e for e in phone.take() if "urn:xmpp:mam:2" in e.raw]
    check("the archive has the message as it was sent on", answer.get("type") == "result" and any(MARKERS in e.raw for e in kept)
          and not any(MDS in e.raw for e in kept), kept)


def made(phone, laptop):
    answer = pubsub(phone, "set", f"<delete node='{MDS}'/>", ns=OWNER)
    event(laptop, MDS, "delete")
    phone.send(f"<message to='bob@localhost' id='n'><body>b</body>{displayed('five')}</message>")
    event(laptop, MDS)
    answer = pubsub(phone, "get", f"<configure node='{MDS}'/>", ns=OWNER)
    for name, value in (("access_model", "whitelist"), ("max_items", "10000"), ("send_last_published_item", "never")):
        check(f"a node that is made has {name}", answer.find(f".//{{jabber:x:data}}field[@var='pubsub#{name}']/{{jabber:x:data}}value").text
              == value, answer)
    check("which meets what devices want", publish(phone, MDS, displayed("six"), "bob@localhost", **PRIVATE).get("type") == "result")


def private(server, phone, bob):
    befriend(server, "alice", "bob")
    configure(phone, MDS, access_model="presence")
    phone.send(f"<message to='bob@localhost' id='p'><body>b</body>{displayed('seven')}</message>")
    got = bob.wait("id='p'")
    phone.sync()
    check("nothing is published where others could read it", read(phone) == {"bob@localhost": "six"} and MDS not in got.raw, got)
    configure(phone, MDS, access_model="whitelist")
    watching = online(server, "bob", "w", MDS, "end")
    phone.send(f"<message to='bob@localhost/w' id='q'><body>b</body>{displayed('eight')}</message>")
    watching.wait("id='q'")
    publish(phone, "end", "<a xmlns='urn:example'/>", "1")
    event(watching, "end")
    check("others are not told", MDS not in events(watching), events(watching))
    check("the name is what the message was sent to", read(phone)["bob@localhost/w"] == "eight", read(phone))
    watching.close()


def all_of_it():
    with Server() as server:
        server.register("alice", "bob")
        phone, laptop = online(server, "alice", "phone", MDS), online(server, "alice", "laptop", MDS)
        bob = device(server, "bob", "b")
        bob.available()
        by_itself(phone, laptop)
        event(phone, MDS)
        assisted(phone, laptop, bob)
        archived(phone)
        made(phone, laptop)
        private(server, phone, bob)
        before = read(phone)
        server.restart()
        check("a restart forgets nothing", read(device(server, "alice", "again")) == before)
        server.stop()


run(all_of_it)
