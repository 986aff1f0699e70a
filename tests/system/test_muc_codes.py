#!/usr/bin/env python3
"""Rooms, where it comes to details of XEP-0045: nicks that the room chooses (210), who hears what first, members who are invited,
removals for technical reasons (333) and with the service (332), rooms whose making is given up."""
from bongsu import Server, check, run
from bongsu import muc
from bongsu.muc import admin, codes, configure, enter, instant, item, leave, listed, make, nick, presence, refusal, say

server = Server()
SERVICE = "conference.localhost"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
INVITE = f"{muc.USER}x/{muc.USER}invite"


def room(name):
    return f"{name}@{SERVICE}"


def users(*names):
    return [server.login(name, "dev") for name in names]


def settle(client, place):
    """All that the room had for the client has come; returns what was not waited for."""
    client.ask("get", INFO, to=place)
    return client.take()


def is_from(place):
    return lambda e: (e.get("from") or "").partition("/")[0] == place


def locked_nicks():
    """7.2.3, 7.6, 7.10."""
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("locked")
    make(alice, place, "Alice", locknicks="1")
    admin(alice, place, {"jid": bob.bare, "affiliation": "member", "nick": "Robert"})
    enter(carol, place, "Carol")
    me = enter(bob, place, "Bob").me
    check("who registered another nick enters under it, and is told by 210", nick(me) == "Robert" and codes(me) == [110, 170, 210],
          me)
    check("others see that one", codes(presence(carol, place, "Robert")) == [])
    me = enter(bob, place, "Bob").me
    check("also when he enters again", nick(me) == "Robert" and 210 in codes(me), me)
    bob.send(f"<presence to='{place}/Bob'/>")
    check("he does not change it", bob.wait("type='error'").condition == "not-acceptable")
    check("no 210 for the right one", 210 not in codes(enter(bob, place, "Robert").me))
    for blank in (" ", "   "):
        carol.send(f"<presence to='{place}/{blank}' id='b'><x xmlns='{muc.MUC}'/></presence>")
        check("a nick of blanks is refused", carol.wait("id='b'").condition in ("not-acceptable", "jid-malformed"))
    dave = server.login("dave", "dev")
    check("also to who enters", refusal(dave, place, "  ") in ("not-acceptable", "jid-malformed"))
    answer = admin(alice, place, {"jid": bob.bare, "affiliation": "member", "nick": ""})
    check("a reserved nick is given up", answer.get("type") == "result" and
          listed(alice, place, affiliation="member") == [{"affiliation": "member", "jid": bob.bare}], answer)
    leave(bob, place, "Robert")
    check("and free for others", refusal(dave, place, "Robert") is None)


def order():
    """8.2 to 10.8: the one who asked hears that it is done, then all hear what was done."""
    alice, bob = users("alice", "bob")
    place = room("order")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    changes = [{"jid": bob.bare, "affiliation": "member"}, {"jid": bob.bare, "affiliation": "admin"},
               {"jid": bob.bare, "affiliation": "none"}, {"nick": "Bob", "role": "visitor"},
               {"nick": "Bob", "role": "moderator"}, {"nick": "Bob", "role": "none"}]
    wrong = []
    for change in changes:
        settle(alice, place)
        attributes = "".join(f" {k}='{v}'" for k, v in change.items())
        alice.send(f"<iq type='set' id='o' to='{place}'><query xmlns='{muc.ADMIN}'><item{attributes}/></query></iq>")
        first, then = alice.wait(is_from(place)), alice.wait(is_from(place))
        if (first.name, then.name, nick(then)) != ("iq", "presence", "Bob"):
            wrong.append((change, first, then))
    check("the result comes before the presence", not wrong, wrong)


def member_list():
    """5.2.1, 9.5: who sees no addresses gets no list of them."""
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("lists")
    make(alice, place, "Alice")
    admin(alice, place, {"jid": bob.bare, "affiliation": "member"})
    check("not for members of a semi-anonymous room", listed(bob, place, affiliation="member") == "forbidden")
    configure(alice, place, getmemberlist="participants")
    check("unless its owner says so", listed(bob, place, affiliation="member") != "forbidden")
    configure(alice, place, getmemberlist="moderators", whois="anyone")
    check("but of one where all see addresses, in the room or not", listed(bob, place, affiliation="member") ==
          [{"affiliation": "member", "jid": bob.bare}] and listed(bob, place, affiliation="owner") != "forbidden")
    check("for nobody else", listed(carol, place, affiliation="member") == "forbidden")


def new_members():
    """7.8.2, 9.3, 9.5: who is made a member of a members-only room is invited, once."""
    alice, bob, carol, dave = users("alice", "bob", "carol", "dave")
    for client in (bob, carol, dave):
        client.available()
    place, open_place = room("members"), room("open")
    make(alice, place, "Alice", membersonly="1", passwordprotectedroom="1", roomsecret="pw")
    make(alice, open_place, "Alice")

    def invitations(client, to=place):
        return [e for e in settle(client, to) if e.find(INVITE) is not None]
    admin(alice, place, {"jid": bob.bare, "affiliation": "member", "reason": "Welcome"})
    got = bob.wait("<invite ")
    check("a new member is invited by who made him one", got.get("from") == place and got.find(INVITE).get("from") == alice.bare
          and "<reason>Welcome</reason>" in got.raw and "<password>pw</password>" in got.raw, got)
    admin(alice, place, {"jid": bob.bare, "affiliation": "member"})
    enter(bob, place, "Bob", "<password>pw</password>")
    admin(alice, place, {"jid": bob.bare, "affiliation": "admin"})
    admin(alice, place, {"jid": bob.bare, "affiliation": "member"})
    check("not who is one", invitations(bob) == [])
    admin(alice, open_place, {"jid": carol.bare, "affiliation": "member"})
    check("nor to an open room", invitations(carol, open_place) == [])
    alice.send(f"<message to='{place}'><x xmlns='{muc.MUC}#user'><invite to='{carol.bare}'/></x></message>")
    carol.wait("<invite ")
    check("an invitation makes a member, and is not doubled", invitations(carol) == [] and refusal(
        carol, place, "Carol", "<password>pw</password>") is None)
    bob.send(f"<message to='{place}' id='i'><x xmlns='{muc.MUC}#user'><invite to='{dave.bare}'/></x></message>")
    check("members invite nobody", bob.wait("id='i'").condition == "forbidden")
    configure(alice, place, allowmemberinvites="1")
    bob.send(f"<message to='{place}' id='i2'><x xmlns='{muc.MUC}#user'><invite to='{dave.bare}'/></x></message>")
    check("unless the room lets them", dave.wait("<invite ").find(INVITE).get("from") == bob.bare)
    check("who then are members", item(enter(dave, place, "Dave", "<password>pw</password>").me)["affiliation"] == "member")
    admin(alice, place, {"jid": "eve@localhost", "affiliation": "outcast"})
    bob.send(f"<message to='{place}' id='i3'><x xmlns='{muc.MUC}#user'><invite to='eve@localhost'/></x></message>")
    settle(bob, place)
    check("a ban is not lifted by that", listed(alice, place, affiliation="outcast") != [])
    configure(alice, place, maxmembers="4")
    bob.send(f"<message to='{place}' id='i4'><x xmlns='{muc.MUC}#user'><invite to='frank@localhost'/></x></message>")
    check("nor the limit passed", bob.wait("id='i4'").condition == "resource-constraint")


def ghosts():
    """11.1, 17.? of those who are gone: errors that come back remove who sent them, with 333."""
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("ghosts")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    enter(carol, place, "Carol")
    gone = "<error type='cancel'><{} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    bob.send(f"<message type='error' to='{place}/Alice' id='e1'>{gone.format('feature-not-implemented')}</message>")
    say(bob, place, "still here", "e2")
    check("an error of another kind removes nobody", carol.wait("<body>still here</body>"))
    bob.send(f"<message type='error' to='{place}/Alice' id='e3'>{gone.format('recipient-unavailable')}</message>")
    own, seen = presence(bob, place, "Bob", "unavailable"), presence(carol, place, "Bob", "unavailable")
    check("333 and 110 to who is removed", codes(own) == [110, 333] and item(own)["role"] == "none", own)
    check("333 to others", codes(seen) == [333], seen)
    enter(bob, place, "Bob")
    bob.send(f"<presence type='error' to='{place}/Carol'>{gone.format('gone')}</presence>")
    check("for presence that comes back, too", codes(presence(bob, place, "Bob", "unavailable")) == [110, 333])
    bob.send(f"<presence to='{place}/Bob'/>")
    lost = presence(bob, place, "Bob", "unavailable")
    check("who does not know it is told, with the occupant id", codes(lost) == [110, 307, 333] and
          lost.find(muc.OCCUPANT_ID).get("id") == own.find(muc.OCCUPANT_ID).get("id"), lost)


def given_up():
    """10.1.3: the maker leaves before the room is configured."""
    alice, = users("alice")
    place = room("given-up")
    enter(alice, place, "Alice")
    alice.send(f"<presence to='{place}/Alice' type='unavailable'/>")
    gone = presence(alice, place, "Alice", "unavailable")
    check("the room is destroyed", 110 in codes(gone) and gone.find(f"{muc.USER}x/{muc.USER}destroy") is not None, gone)
    check("with occupant id", gone.find(muc.OCCUPANT_ID) is not None)
    check("and is no more", alice.ask("get", INFO, to=place).condition == "item-not-found")


def avatar():
    """XEP-0486, and XEP-0153 for clients that know only that."""
    alice, bob = users("alice", "bob")
    place = room("avatar")
    make(alice, place, "Alice")
    alice.ask("set", "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>", to=place)
    enter(bob, place, "Bob")
    shown = bob.wait("vcard-temp:x:update")
    check("who enters is shown the avatar, after the subject", shown.get("from") == place and
          "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d" in shown.raw, shown)
    place = room("plain")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    check("but not if there is none", [e for e in settle(bob, place) if "vcard-temp:x:update" in e.raw] == [])


def disco():
    alice, = users("alice")
    place = room("disco")
    make(alice, place, "Alice")
    for where in (SERVICE, place):
        got = alice.ask("get", INFO, to=where).raw
        check(f"{where} keeps the ids of messages", f"'{muc.MUC}#stable_id'" in got and "'urn:xmpp:occupant-id:0'" in got, got)
    answer = alice.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info' node='http://jabber.org/protocol/muc#traffic'/>",
                       to=place)
    check("there is no list of what passes", answer.condition == "feature-not-implemented", answer)
    alice.send(f"<message to='{place}' type='groupchat' id='t'><subject>s</subject><thread>t</thread></message>")
    alice.wait("id='t'")
    check("a message with a thread is no change of the subject", not enter(alice, place, "Alice").subject.text("c:subject"))


def service_ends():
    """11.2: the administrator takes the service away."""
    alice, bob = users("alice", "bob")
    place = room("ends")
    make(alice, place, "Alice", roomname="Stays")
    enter(bob, place, "Bob")
    settle(alice, place)
    server.configure(modules={"muc": False})
    server.reload()
    for client, name in ((alice, "Alice"), (bob, "Bob")):
        gone = presence(client, place, name, "unavailable")
        check(f"{name} is told by 332", codes(gone) == [110, 332] and item(gone)["role"] == "none", gone)
    client = server.login("carol", "dev")
    check("there are no rooms", client.ask("get", INFO, to=place).condition == "remote-server-not-found")
    server.configure(modules={})
    server.reload()
    entered = enter(bob, place, "Bob")
    check("when it comes back, the room does", entered.others == [] and item(entered.me)["affiliation"] == "none" and
          "name='Stays'" in bob.ask("get", INFO, to=place).raw, entered)
    instant(alice, place)
    check("with its owner", item(enter(alice, place, "Alice").me)["affiliation"] == "owner")


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave")
    run(locked_nicks, order, member_list, new_members, ghosts, given_up, avatar, disco, service_ends)


try:
    main()
finally:
    server.kill()
