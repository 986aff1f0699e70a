#!/usr/bin/env python3
"""Who is in a room stays in it over a restart, without entering again, if the session is resumed (XEP-0198)."""
from bongsu import Server, check, run
from bongsu import muc
from bongsu.muc import codes, enter, item, make, nick, presence, say
from bongsu.sm import enable, resume

server = Server()
SERVICE = "conference.localhost"


def room(name):
    return f"{name}@{SERVICE}"


def staying():
    place, fleeting = room("staying"), room("fleeting")
    alice, bob = (enable(server.login(name, "dev")) for name in ("alice", "bob"))
    plain = server.login("carol", "dev")
    make(alice, place, "Alice")
    make(alice, fleeting, "Alice", persistentroom="0")
    for client, name in ((bob, "Bob"), (plain, "Carol")):
        enter(client, place, name, more="<status>here</status>")
    muc.admin(alice, place, {"nick": "Bob", "role": "moderator"})
    bob.wait(lambda e: e.name == "presence" and item(e) and item(e)["role"] == "moderator")
    occupant = presence(alice, place, "Bob").find(muc.OCCUPANT_ID).get("id")
    for client in (alice, bob):
        client.sync()
        client.take()
    server.restart()
    alice, bob = resume(server, alice), resume(server, bob)
    check("sessions are resumed", alice.resumed.name == bob.resumed.name == "resumed", (alice.resumed, bob.resumed))
    bob.send(f"<message to='{place}' type='groupchat' id='r1'><body>still here</body></message>")
    got = alice.wait("<body>still here</body>")
    check("one speaks, the other hears it", got.get("from") == f"{place}/Bob" and
          got.find(muc.OCCUPANT_ID).get("id") == occupant, got)
    check("neither was told that the other left", not [e for e in [*alice.came, *bob.came] if e.name == "presence" and
                                                       e.get("type") == "unavailable" and nick(e) in ("Alice", "Bob")],
          (alice.came, bob.came))
    dave = server.login("dave", "dev")
    entered = enter(dave, place, "Dave")
    seen = {nick(p): (item(p)["role"], p.text("c:status")) for p in entered.others}
    check("the room has those who were in it, as they were; who had no stream management is gone",
          seen == {"Alice": ("moderator", None), "Bob": ("moderator", "here")}, entered.others)
    check("what was said before anybody entered is told once", [m.text("c:body") for m in entered.history] == ["still here"],
          entered.history)
    check("a temporary room is still there", dave.ask(
        "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=fleeting).get("type") == "result")
    alice.ends()
    check("who leaves now is seen to leave", item(presence(dave, place, "Alice", "unavailable"))["role"] == "none")
    check("and the temporary room ends", 201 in codes(enter(dave, fleeting, "Dave").me))
    bob.ends()
    dave.ends()


def lost():
    """A session that was not resumed in time is no occupant."""
    place = room("lost")
    alice = enable(server.login("alice", "dev"))
    bob = enable(server.login("bob", "dev"), more=" max='1'")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    alice.sync()
    server.restart()
    alice = resume(server, alice)
    say(alice, place, "anybody?", "l1")
    check("it leaves", presence(alice, place, "Bob", "unavailable"))
    alice.ends()


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave")
    run(staying, lost)


try:
    main()
finally:
    server.kill()
