#!/usr/bin/env python3
"""trace_message: what became of a message, from the sender's stream to the recipients' acknowledgements.

One device that acknowledges, one that is cut off and resumes, an account that is away, a message that comes twice, one
that is refused; what is said in a room, to all and to one; by id, by origin-id and by the ids of the archives; and after a restart
by the archives alone.
"""
import json

from bongsu import Server, check, muc, run, sm, wait_for

server = Server()


def trace(*arguments):
    """(event, where) in order."""
    done = server.ctl("--json", "trace_message", *arguments)
    return [(row["event"], row["where"]) for row in json.loads(done.out)] if done.code == 0 else done


def shows(what, wanted, *arguments):
    """Waits until these have happened; all that have."""
    got = []

    def holds():
        got[:] = [trace(*arguments)]
        return isinstance(got[0], list) and set(wanted) <= set(got[0])
    wait_for(what, holds)
    return got[0]


def ready(user, resource):
    client = server.login(user, resource)
    sm.enable(client)
    client.available()
    return client


def two_devices():
    alice = ready("alice", "desk")
    desk, phone = ready("bob", "desk"), ready("bob", "phone")
    phone.close()
    alice.send("<message to='bob@localhost' type='chat' id='one'><body>never in a trace</body><origin-id "
               "xmlns='urn:xmpp:sid:0' id='origin-one'/></message>")
    message = desk.wait("never in a trace")
    sm.ack(desk)
    wanted = [("accepted", "alice@localhost/desk"), ("stored in the archive", "alice@localhost"), ("arrived", "bob@localhost"),
              ("stored in the archive", "bob@localhost"), ("delivered", "bob@localhost/desk"),
              ("acknowledged", "bob@localhost/desk")]
    before = shows("acknowledged by one device", wanted, "one")
    check("in order", [event for event in before if event in wanted] == wanted, before)
    check("the other one does not have it yet", ("acknowledged", "bob@localhost/phone") not in before, before)
    again = sm.resume(server, phone)
    again.wait("never in a trace")
    sm.ack(again)
    whole = shows("acknowledged by the other", [("delivered again", "bob@localhost/phone"),
                                                ("acknowledged", "bob@localhost/phone")], "one")
    check("by its origin-id", set(trace("origin-one")) >= {("accepted", "alice@localhost/desk"),
                                                           ("acknowledged", "bob@localhost/phone")}, trace("origin-one"))
    by = {x.get("by"): x.get("id") for x in message.all("{urn:xmpp:sid:0}stanza-id")}
    found = trace(by["bob@localhost"])
    check("by its id in an archive", set(found) >= set(whole) and ("is in the archive", "bob@localhost") in found, found)
    done = server.ctl("trace_message", "one")
    check("lines of three cells", done.code == 0 and all(len(line.split("\t")) == 3 for line in done.out.splitlines()), done)
    check("without its text", "never in a trace" not in done.out)
    again.close()
    return by["bob@localhost"]


def away():
    alice = ready("alice", "two")
    alice.send("<message to='carol@localhost' type='chat' id='wait'><body>later</body></message>")
    shows("it waits", [("stored in the archive", "carol@localhost"), ("kept for a login", "carol@localhost")], "wait")
    carol = server.login("carol", "late")
    carol.available()
    carol.wait("later")
    shows("and is delivered", [("delivered", "carol@localhost/late")], "wait")
    alice.send("<message to='carol@localhost/gone' type='groupchat' id='no'><body>x</body></message>")
    alice.wait("type='error'")
    shows("one that is refused", [("accepted", "alice@localhost/two"), ("refused", "carol@localhost")], "no")
    for _ in range(2):
        alice.send("<message to='carol@localhost' type='chat' id='twice'><body>twice</body><origin-id xmlns='urn:xmpp:sid:0' "
                   "id='twice'/></message>")
    shows("one that comes twice", [("repeated, passed over", "alice@localhost"), ("delivered", "carol@localhost/late")], "twice")
    carol.close()


TEA = "tea@conference.localhost"


def in_a_room():
    """Returns the id in the room's archive."""
    alice, bob = ready("alice", "room"), ready("bob", "room")
    muc.make(alice, TEA, "Alice", moderatedroom="1")
    muc.enter(bob, TEA, "Bob")
    alice.send(f"<message to='{TEA}' type='groupchat' id='said'><body>never in a trace</body><origin-id xmlns='urn:xmpp:sid:0' "
               "id='origin-said'/></message>")
    message = bob.wait("never in a trace")
    wanted = [("accepted", "alice@localhost/room"), ("passed on, not archived", "alice@localhost"), ("accepted", TEA),
              ("stored in the archive", TEA), ("sent to the occupants", TEA), ("arrived", "bob@localhost"),
              ("delivered", "bob@localhost/room")]
    whole = shows("what is said in a room", wanted, "said")
    check("in order from the room on", [event for event in whole if event in wanted[2:]] == wanted[2:], whole)
    check("each once", len(whole) == len(set(whole)), whole)
    shows("it comes back to its speaker", [("delivered", "alice@localhost/room")], "said")
    check("by its origin-id", set(trace("origin-said")) >= set(wanted), trace("origin-said"))
    place = message.find(muc.STANZA_ID).get("id")
    found = trace(place)
    check("by its id in the room's archive", set(found) >= {*wanted, ("is in the archive", TEA)}, found)
    for number in (1, 2):
        alice.send(f"<message to='{TEA}' type='groupchat' id='again'><body>again {number}</body><origin-id xmlns='urn:xmpp:sid:0' "
                   "id='again'/></message>")
    shows("one that comes twice", [("stored in the archive", TEA), ("repeated, passed over", TEA)], "again")
    alice.send(f"<message to='{TEA}' type='groupchat' id='state'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
    shows("one that is not kept", [("accepted", TEA), ("passed on, not archived", TEA), ("sent to the occupants", TEA)], "state")
    bob.send(f"<message to='{TEA}' type='groupchat' id='mute'><body>x</body></message>")
    bob.wait("type='error'")
    got = shows("one without voice", [("accepted", "bob@localhost/room"), ("refused", TEA)], "mute")
    check("is not accepted there", ("accepted", TEA) not in got and ("sent to the occupants", TEA) not in got, got)
    bob.send("<message to='no@conference.localhost' type='groupchat' id='room'><body>x</body></message>")
    shows("of no room", [("refused", "no@conference.localhost")], "room")
    bob.send(f"<message to='{TEA}/Alice' type='chat' id='whisper'><body>x</body></message>")
    alice.wait("id='whisper'")
    got = shows("to one of those in it", [("accepted", TEA), ("passed on, not archived", TEA), ("delivered", "alice@localhost/room")],
                "whisper")
    check("and to nobody else", ("sent to the occupants", TEA) not in got and ("delivered", "bob@localhost/room") not in got, got)
    return place


def nothing():
    done = server.ctl("trace_message", "unheard-of")
    check("nothing is known", done.code == 1 and "not_found: nothing is known of that message" in done.err, done)


def traces():
    with server:
        server.register("alice", "bob", "carol")
        archived = two_devices()
        away()
        said = in_a_room()
        nothing()
        server.restart()
        check("after a restart the archive tells", trace(archived) == [("is in the archive", "bob@localhost")], trace(archived))
        check("by another id in an archive that is named", trace("origin-one", "bob", "localhost") == [
            ("is in the archive", "bob@localhost")], trace("origin-one", "bob", "localhost"))
        check("so does a room's", trace(said) == [("is in the archive", TEA)], trace(said))
        check("by another id, too", trace("origin-said", *TEA.split("@")) == [("is in the archive", TEA)],
              trace("origin-said", *TEA.split("@")))
        nothing()


run(traces)
