#!/usr/bin/env python3
"""Roles in moderated rooms last over visits (XEP-0045 5.1): who was given voice has it, who was muted stays so."""
from bongsu import Server, check, run
from bongsu import muc
from bongsu.muc import admin, configure, enter, item, leave, make, presence

server = Server()
SERVICE = "conference.localhost"


def room(name):
    return f"{name}@{SERVICE}"


def moderated(name):
    """Alice owns it and is in it; Bob and Carol come along."""
    alice, bob, carol = (server.login(one, "dev") for one in ("alice", "bob", "carol"))
    make(alice, room(name), "Alice", moderatedroom="1")
    return alice, bob, carol, room(name)


def settle(client, place):
    """All that the room had for the client has come, and is dropped: its answers keep their order."""
    client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=place)
    client.take()


def gives(actor, place, nick, role, by=None):
    answer = admin(actor, place, {"nick": nick, "role": role})
    assert answer.get("type") == "result", (by, answer)


def comes(client, place, nick, role, what):
    """Enters with that role, and goes again."""
    settle(client, place)
    me = enter(client, place, nick).me
    check(what, item(me)["role"] == role, me)
    leave(client, place, nick)


def speaks(client, place, number):
    """None if it may speak, else the condition."""
    client.send(f"<message to='{place}' type='groupchat' id='{number}'><body>x</body></message>")
    return client.wait(lambda e: e.name == "message" and e.get("id") == number).condition


def voice():
    alice, bob, carol, place = moderated("voice")
    comes(bob, place, "Bob", "visitor", "a stranger enters as a visitor")
    enter(bob, place, "Bob")
    gives(alice, place, "Bob", "participant")
    leave(bob, place, "Bob")
    settle(bob, place)
    me = enter(bob, place, "Bobby").me
    check("who was given voice has it at the next visit, under another nick", item(me)["role"] == "participant", me)
    check("and can use it", speaks(bob, place, "v1") is None)
    other = server.login("bob", "other")
    check("with another device, too", item(enter(other, place, "Bobby").me)["role"] == "participant")
    other.close()
    check("it is nobody else's", item(enter(carol, place, "Bob").me)["role"] == "visitor")
    gives(alice, place, "Bobby", "visitor")
    leave(bob, place, "Bobby")
    settle(bob, place)
    me = enter(bob, place, "Bob2").me
    check("until it is revoked", item(me)["role"] == "visitor", me)
    check("then nothing is said", speaks(bob, place, "v2") == "forbidden")


def muted():
    alice, bob, carol, place = moderated("muted")
    admin(alice, place, {"jid": bob.bare, "affiliation": "member"})
    enter(bob, place, "Bob")
    gives(alice, place, "Bob", "visitor")
    for name in ("Bob", "Bobby"):
        leave(bob, place, "Bob")
        settle(bob, place)
        me = enter(bob, place, name).me
        check(f"a muted member is still muted, as {name}", item(me)["role"] == "visitor" and
              item(me)["affiliation"] == "member", me)
        leave(bob, place, name)
        enter(bob, place, "Bob")
    gives(alice, place, "Bob", "none")
    comes(bob, place, "Bob", "visitor", "a kick gives no voice back")
    for inside in ("<remove/>", "<username>Bob</username>"):
        answer = bob.ask("set", f"<query xmlns='jabber:iq:register'>{inside}</query>", to=place)
        assert answer.get("type") == "result", answer
    comes(bob, place, "Bob", "visitor", "nor does registering anew")
    enter(carol, place, "Carol")
    gives(alice, place, "Carol", "participant")
    gives(alice, place, "Carol", "none")
    comes(carol, place, "Carol", "visitor", "a kick takes back what was given")
    settle(alice, place)
    answer = admin(alice, place, {"jid": bob.bare, "affiliation": "member"})
    told = alice.wait(lambda e: e.name == "message" and item(e) and item(e).get("jid") == bob.bare)
    check("who sees addresses hears of the member's nick", item(told).get("nick") == "Bob", told)
    check("an admin who decides on the affiliation decides on the role", answer.get("type") == "result", answer)
    comes(bob, place, "Bob", "participant", "so the member speaks again")


def moderators():
    alice, bob, carol, place = moderated("moderators")
    enter(bob, place, "Bob")
    gives(alice, place, "Bob", "moderator")
    leave(bob, place, "Bob")
    enter(bob, place, "Bob")
    enter(carol, place, "Carol")
    gives(bob, place, "Carol", "participant")
    leave(bob, place, "Bob")
    admin(alice, place, {"jid": bob.bare, "affiliation": "none"})
    comes(bob, place, "Bob", "visitor", "the status of moderator can be taken from who is away")
    configure(alice, place, moderatedroom="0")
    comes(bob, place, "Bob", "participant", "nothing is kept while the room is not moderated")
    enter(bob, place, "Bob")
    gives(alice, place, "Bob", "visitor")
    leave(bob, place, "Bob")
    comes(bob, place, "Bob", "participant", "and nothing is remembered of that")
    leave(carol, place, "Carol")
    configure(alice, place, moderatedroom="1")
    comes(carol, place, "Carol", "participant", "what was given before counts again")
    comes(bob, place, "Bob", "visitor", "for those who were given it")


def requested():
    alice, bob, _, place = moderated("requested")
    enter(bob, place, "Bob")
    bob.send(f"<message to='{place}'>{muc.form({'muc#role': 'participant'}, muc.MUC + '#request')}</message>")
    form = alice.wait("muc#request_allow")
    fields = {"muc#role": "participant", "muc#jid": bob.jid, "muc#roomnick": "Bob", "muc#request_allow": "1"}
    check("moderators are asked", form.get("from") == place, form)
    alice.send(f"<message to='{place}'>{muc.form(fields, muc.MUC + '#request')}</message>")
    got = bob.wait(lambda e: e.name == "presence" and item(e) and item(e)["role"] == "participant")
    check("voice that was asked for is given", got.get("from") == f"{place}/Bob", got)
    leave(bob, place, "Bob")
    comes(bob, place, "Bob", "participant", "and lasts")


def together():
    """Several items of one request, also on the same person."""
    alice, bob, carol, place = moderated("together")
    enter(bob, place, "Bob")
    enter(carol, place, "Carol")
    answer = admin(alice, place, {"nick": "Bob", "role": "participant"}, {"nick": "Carol", "role": "moderator"},
                   {"jid": bob.bare, "affiliation": "member"}, {"nick": "Bob", "role": "visitor"},
                   {"nick": "Carol", "role": "participant"})
    check("are done in their order", answer.get("type") == "result", answer)
    for client, nick in ((bob, "Bob"), (carol, "Carol")):
        leave(client, place, nick)
    comes(bob, place, "Bob", "visitor", "the last word counts for one")
    comes(carol, place, "Carol", "participant", "and the other")
    answer = admin(alice, place, {"nick": "Alice", "role": "visitor"})
    check("an owner is not muted", answer.condition == "not-allowed", answer)
    for client in (alice, bob, carol):
        client.close()
    server.restart()
    bob, carol = (server.login(name, "dev") for name in ("bob", "carol"))
    comes(bob, place, "Bob", "visitor", "over a restart, too")
    comes(carol, place, "Carol", "participant", "for both")


def removed():
    """The next account of a name."""
    alice, _, _, place = moderated("removed")
    for name in ("voiced", "silent"):
        server.register(name)
        client = server.login(name, "dev")
        admin(alice, place, {"jid": client.bare, "affiliation": "member"})
        enter(client, place, name)
        gives(alice, place, name, "moderator" if name == "voiced" else "visitor")
    for name in ("voiced", "silent"):
        server.ctl("unregister", name, "localhost")
        presence(alice, place, name, "unavailable")
        server.register(name)
    voiced, silent = (server.login(name, "dev") for name in ("voiced", "silent"))
    comes(voiced, place, "voiced", "visitor", "has nothing that the last one was given")
    admin(alice, place, {"jid": voiced.bare, "affiliation": "none"})
    answer = silent.ask("set", "<query xmlns='jabber:iq:register'><username>silent</username></query>", to=place)
    check("registers", answer.get("type") == "result", answer)
    comes(silent, place, "silent", "visitor", "and stays as muted as the last one was")


def destroyed():
    alice, bob, _, place = moderated("destroyed")
    enter(bob, place, "Bob")
    gives(alice, place, "Bob", "participant")
    leave(bob, place, "Bob")
    answer = alice.ask("set", f"<query xmlns='{muc.OWNER}'><destroy/></query>", to=place)
    assert answer.get("type") == "result", answer
    settle(alice, place)
    make(alice, place, "Alice", moderatedroom="1")
    comes(bob, place, "Bob", "visitor", "a new room of an old name remembers nothing")


def main():
    server.start()
    server.register("alice", "bob", "carol")
    run(voice, muted, moderators, requested, together, removed, destroyed)


try:
    main()
finally:
    server.kill()
