#!/usr/bin/env python3
"""Rooms last: what was said is on disk before anybody hears it, everything is there after a crash and a restart, and the
history can be asked for (XEP-0313), by whoever may enter; messages are taken back (XEP-0424, XEP-0425)."""
from bongsu import Server, check, run
from bongsu import muc
from bongsu.muc import admin, codes, configure, enter, item, listed, make, nick, refusal, say

server = Server()
SERVICE = "conference.localhost"
MAM = "urn:xmpp:mam:2"
RESULT = f"{{{MAM}}}result"
MESSAGE = f"{RESULT}/{{urn:xmpp:forward:0}}forwarded/c:message"


def room(name):
    return f"{name}@{SERVICE}"


def users(*names):
    return [server.login(name, "dev") for name in names]


def ask(client, place, rsm="", **fields):
    """The results of a query, and its <fin/> or error."""
    form = muc.form({k.replace("_", "-"): v for k, v in fields.items()}, MAM) if fields else ""
    answer = client.ask("set", f"<query xmlns='{MAM}' queryid='q'>{form}"
                        f"<set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set></query>", to=place)
    results = [e for e in client.take() if e.find(RESULT) is not None]
    return results, answer


def bodies(results):
    return [r.text(f"{MESSAGE}/c:body") for r in results]


def speech(place, client, first, count):
    return [say(client, place, f"line {i}", f"m{i}").find(muc.STANZA_ID).get("id") for i in range(first, first + count)]


def durable():
    alice, bob = users("alice", "bob")
    place = room("durable")
    make(alice, place, "Alice", roomname="Durable", membersonly="1")
    admin(alice, place, {"jid": bob.bare, "affiliation": "member", "nick": "Bob"},
          {"jid": "carol@localhost", "affiliation": "outcast", "reason": "No"})
    ids = speech(place, alice, 0, 5)
    alice.send(f"<message to='{place}' type='groupchat' id='s'><subject>Tea</subject></message>")
    alice.wait("id='s'")
    occupant = enter(bob, place, "Bob").me.find(muc.OCCUPANT_ID).get("id")
    server.kill()
    server.start()
    alice, bob, carol = users("alice", "bob", "carol")
    entered = enter(bob, place, "Bob")
    check("after a crash the history is there", [m.text("c:body") for m in entered.history] == [f"line {i}" for i in range(5)],
          entered.history)
    check("with the same ids", [m.find(muc.STANZA_ID).get("id") for m in entered.history] == ids, entered.history)
    check("nobody's address in it", "alice@" not in "".join(m.raw for m in entered.history), entered.history)
    check("the subject", entered.subject.text("c:subject") == "Tea" and entered.subject.get("from") == f"{place}/Alice",
          entered.subject)
    check("occupant ids", entered.me.find(muc.OCCUPANT_ID).get("id") == occupant, entered.me)
    check("affiliations", item(entered.me)["affiliation"] == "member" and refusal(carol, place, "Carol") == "forbidden")
    entered = enter(alice, place, "Alice")
    check("the owner", item(entered.me)["affiliation"] == "owner" and 201 not in codes(entered.me))
    got = listed(alice, place, affiliation="member")
    check("reserved nicks", got == [{"affiliation": "member", "jid": bob.bare, "nick": "Bob"}], got)
    info = alice.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=place)
    check("the configuration", "name='Durable'" in info.raw and "muc_membersonly" in info.raw and MAM in info.raw, info)
    server.restart()


def queries():
    alice, bob = users("alice", "bob")
    place = room("queries")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    ids = speech(place, alice, 0, 10) + speech(place, bob, 10, 10)
    alice.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=place)
    alice.take()
    results, fin = ask(alice, place)
    check("all of it", bodies(results) == [f"line {i}" for i in range(20)] and "complete='true'" in fin.raw, fin)
    check("by the ids of the messages", [r.find(RESULT).get("id") for r in results] == ids)
    first = results[0]
    message = first.find(MESSAGE)
    check("from the nick, with id and occupant-id", message.get("from") == f"{place}/Alice" and message.get("id") == "m0" and
          first.find(f"{MESSAGE}/{muc.OCCUPANT_ID}") is not None and first.get("from") == place, first)
    check("a moderator sees the address", f"jid='{alice.jid}'" in first.raw, first)
    bob.take()
    results, fin = ask(bob, place, "<max>5</max><before/>")
    check("the last page", bodies(results) == [f"line {i}" for i in range(15, 20)] and "complete" not in fin.raw, fin)
    check("others do not", "@localhost" not in "".join(r.raw for r in results).replace(bob.jid, ""), results)
    results, fin = ask(bob, place, f"<max>3</max><after>{ids[3]}</after>")
    check("a page after an id", bodies(results) == ["line 4", "line 5", "line 6"], results)
    results, fin = ask(bob, place, **{"with": f"{place}/Bob"})
    check("of one nick", bodies(results) == [f"line {i}" for i in range(10, 20)], results)
    results, fin = ask(alice, place, **{"with": bob.bare})
    check("of one account, for who sees addresses", bodies(results) == [f"line {i}" for i in range(10, 20)], results)
    results, fin = ask(bob, place, **{"with": alice.bare})
    check("for others there is none", results == [] and fin.get("type") == "result", fin)
    results, fin = ask(bob, place, ids=[ids[2], ids[7]])
    check("by ids", bodies(results) == ["line 2", "line 7"], results)
    _, fin = ask(bob, place, ids=["nothing"])
    check("an unknown id", fin.condition == "item-not-found", fin)
    form = bob.ask("get", f"<query xmlns='{MAM}'/>", to=place)
    check("the form", "var='with'" in form.raw, form)
    bounds = bob.ask("get", f"<metadata xmlns='{MAM}'/>", to=place)
    check("the bounds", f"id='{ids[0]}'" in bounds.raw and f"id='{ids[-1]}'" in bounds.raw, bounds)
    bob.send(f"<message to='{place}' type='groupchat' id='n1'><body>not kept</body><no-store xmlns='urn:xmpp:hints'/></message>")
    bob.wait("id='n1'")
    bob.send(f"<message to='{place}/Alice' type='chat' id='n2'><body>whispered</body></message>")
    alice.wait("whispered")
    bob.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=place)
    bob.take()
    results, _ = ask(bob, place, f"<after>{ids[-1]}</after>")
    check("not what is not to be kept, nor whispers", bodies(results) == [], results)


def access():
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("access")
    make(alice, place, "Alice")
    speech(place, alice, 0, 2)
    check("an open room's archive is open", bodies(ask(bob, place)[0]) == ["line 0", "line 1"])
    admin(alice, place, {"jid": bob.bare, "affiliation": "outcast"})
    check("not for who is banned", ask(bob, place)[1].condition == "forbidden")
    configure(alice, place, membersonly="1")
    check("a closed one's is closed", ask(carol, place)[1].condition == "forbidden" and
          carol.ask("get", f"<metadata xmlns='{MAM}'/>", to=place).condition == "forbidden")
    admin(alice, place, {"jid": carol.bare, "affiliation": "member"})
    check("but not for members, who need not enter", bodies(ask(carol, place)[0]) == ["line 0", "line 1"])
    admin(alice, place, {"jid": carol.bare, "affiliation": "none"})
    check("who are members", ask(carol, place)[1].condition == "forbidden")
    configure(alice, place, membersonly="0", passwordprotectedroom="1", roomsecret="pw")
    check("with a password only who is in", ask(carol, place)[1].condition == "forbidden")
    enter(carol, place, "Carol", "<password>pw</password>")
    carol.take()
    check("is told", bodies(ask(carol, place)[0]) == ["line 0", "line 1"])
    configure(alice, place, passwordprotectedroom="0", enablearchiving="0")
    say(alice, place, "off the record", "r1")
    carol.wait("off the record")
    configure(alice, place, enablearchiving="1")
    carol.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=place)
    carol.take()
    check("what is said off the record is not kept", bodies(ask(carol, place)[0]) == ["line 0", "line 1"])


def together():
    """Several moderators at once: each is answered, and all is taken back."""
    alice, = users("alice")
    place = room("together")
    make(alice, place, "Alice")
    ids = speech(place, alice, 0, 12)
    alice.send("".join(f"<iq type='set' to='{place}' id='t{i}'><moderate xmlns='urn:xmpp:message-moderate:1' id='{ids[i]}'><retract "
                       "xmlns='urn:xmpp:message-retract:1'/></moderate></iq>" for i in range(12)))
    answers = [alice.wait(f" id='t{i}'").get("type") for i in range(12)]
    check("twelve moderations at once are done", answers == ["result"] * 12, answers)
    check("all that was said is gone", not any(bodies(ask(alice, place)[0])))


def moderation():
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("moderation")
    make(alice, place, "Alice")
    for client, name in ((bob, "Bob"), (carol, "Carol")):
        enter(client, place, name)
    ids = speech(place, bob, 0, 3)
    def moderate(client, number):
        return client.ask("set", f"<moderate xmlns='urn:xmpp:message-moderate:1' id='{number}'><retract "
                          "xmlns='urn:xmpp:message-retract:1'/><reason>Rude</reason></moderate>", to=place)
    check("not by participants", moderate(carol, ids[1]).condition == "forbidden")
    check("not what is not there", moderate(alice, "x").condition == "item-not-found")
    check("by a moderator", moderate(alice, ids[1]).get("type") == "result")
    told = carol.wait("<moderated ")
    retract = told.find("{urn:xmpp:message-retract:1}retract")
    by = retract.find("{urn:xmpp:message-moderate:1}moderated")
    check("all are told by the room", told.get("from") == place and told.get("type") == "groupchat" and
          retract.get("id") == ids[1] and by.get("by") == f"{place}/Alice" and
          by.find(muc.OCCUPANT_ID) is not None and "Rude" in told.raw and told.find(muc.STANZA_ID) is not None, told)
    carol.send(f"<message to='{place}' type='groupchat' id='f'><retract xmlns='urn:xmpp:message-retract:1' id='{ids[0]}'>"
               "<moderated xmlns='urn:xmpp:message-moderate:1' by='x'/></retract></message>")
    check("nobody else says so", carol.wait("id='f'").condition == "forbidden")
    dave = server.login("dave", "dev")
    history = [m.text("c:body") for m in enter(dave, place, "Dave").history]
    check("who comes later does not hear it", history == ["line 0", "line 2"], history)
    dave.take()
    results, _ = ask(dave, place)
    check("there is a tombstone", [b for b in bodies(results) if b] == ["line 0", "line 2"] and
          results[1].find(f"{MESSAGE}/{{urn:xmpp:message-retract:1}}retracted") is not None and
          results[1].find(f"{MESSAGE}/{muc.OCCUPANT_ID}") is not None and
          results[1].find(MESSAGE).get("from") == f"{place}/Bob" and "@localhost" not in results[1].raw.replace(dave.jid, ""),
          results[1])
    check("and the moderation", "<moderated " in results[-1].raw and results[-1].find(MESSAGE).get("from") == place, results)
    carol.send(f"<message to='{place}' type='groupchat' id='o'><retract xmlns='urn:xmpp:message-retract:1' id='{ids[0]}'/>"
               "</message>")
    dave.wait("id='o'")
    bob.send(f"<message to='{place}' type='groupchat' id='p'><retract xmlns='urn:xmpp:message-retract:1' id='{ids[2]}'/>"
             "</message>")
    dave.wait("id='p'")
    def kept():
        return [b for b in bodies(ask(dave, place)[0]) if b]
    while kept() == ["line 0", "line 2"]:
        pass  # the tombstone follows the retraction
    check("an author takes his own back, and nobody another's", kept() == ["line 0"], kept())
    muc.leave(dave, place, "Dave")
    check("also from what is told to who comes", [m.text("c:body") for m in enter(dave, place, "Dave").history] == ["line 0"])


def again():
    """A destroyed room's history is not for who makes it anew."""
    alice, bob = users("alice", "bob")
    place = room("phoenix")
    make(alice, place, "Alice")
    speech(place, alice, 0, 3)
    alice.ask("set", f"<query xmlns='{muc.OWNER}'><destroy/></query>", to=place)
    entered = make(bob, place, "Bob")
    check("nothing is told", entered.history == [])
    bob.take()
    check("nor found", ask(bob, place)[0] == [])
    speech(place, bob, 0, 1)
    server.restart()
    bob, = users("bob")
    check("nor after a restart", bodies(ask(bob, place)[0]) == ["line 0"])


def order():
    """Everybody hears the same in the same order, whatever comes between."""
    alice, bob = users("alice", "bob")
    place = room("order")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    for i in range(100):
        alice.send(f"<message to='{place}' type='groupchat' id='a{i}'><body>a{i}</body></message>")
        if i % 10 == 0:
            bob.send(f"<presence to='{place}/Bob'><status>{i}</status></presence>")
            bob.send(f"<message to='{place}' type='groupchat' id='b{i}'><body>b{i}</body></message>")
            bob.send(f"<message to='{place}' type='groupchat'><active xmlns='http://jabber.org/protocol/chatstates'/></message>")
    alice.send(f"<message to='{place}' type='groupchat' id='end'><body>end</body></message>")
    heard = []
    for client in (alice, bob):
        client.wait("id='end'")
        client.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=place)
        heard.append([e.get("id") for e in client.take() if e.name == "message" and e.text("c:body")])
    check("both hear all, in one order", heard[0][-105:] == heard[1][-105:] and len(set(heard[0])) >= 109, heard)
    results, _ = ask(bob, place, "<max>250</max>")
    check("which is the archive's", [r.find(MESSAGE).get("id") for r in results if r.text(f"{MESSAGE}/c:body") != "end"] ==
          [h for h in heard[1] if h != "end"], results)


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave")
    run(durable, queries, access, moderation, together, again, order)


try:
    main()
finally:
    server.kill()
