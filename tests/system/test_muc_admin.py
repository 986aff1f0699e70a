#!/usr/bin/env python3
"""Rooms, from the side of those who look after them (XEP-0045 8 to 10): roles, affiliations, configuration, the end."""
from bongsu import Server, check, run
from bongsu import muc
from bongsu.muc import Refused, admin, codes, configure, enter, item, listed, make, nick, presence, refusal, say

server = Server()
SERVICE = "conference.localhost"
INFO = "{http://jabber.org/protocol/disco#info}"


def room(name):
    return f"{name}@{SERVICE}"


def users(*names):
    return [server.login(name, "dev") for name in names]


def meeting(name, *guests, **fields):
    """A room of Alice's, in which the guests are; all have heard of each other."""
    place = room(name)
    clients = users("alice", *guests)
    make(clients[0], place, "Alice", **fields)
    for client, guest in zip(clients[1:], guests):
        enter(client, place, guest.capitalize())
    settle(place, clients)
    return [place, *clients]


def settle(place, clients):
    """All that happened in the room so far has been heard."""
    for client in clients:
        client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=place)
        client.take()


def features(client, place):
    answer = client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=place)
    return {f.get("var") for f in answer.all(f".//{INFO}feature")}


def kick():
    place, alice, bob, carol = meeting("kick", "bob", "carol")
    check("a participant kicks nobody", admin(bob, place, {"nick": "Carol", "role": "none"}).condition == "forbidden")
    answer = admin(alice, place, {"nick": "Bob", "role": "none", "reason": "Enough"})
    check("a moderator does", answer.get("type") == "result", answer)
    own = presence(bob, place, "Bob", "unavailable")
    check("307 and 110 to him", codes(own) == [110, 307] and item(own)["role"] == "none" and
          own.text(f"{muc.USER}x/{muc.USER}item/{muc.USER}reason") == "Enough" and
          own.find(f"{muc.USER}x/{muc.USER}item/{muc.USER}actor").get("nick") == "Alice", own)
    gone = presence(carol, place, "Bob", "unavailable")
    check("307 to others", codes(gone) == [307] and "Enough" in gone.raw, gone)
    check("he may come back", enter(bob, place, "Bob").me)
    check("nobody of that nick", admin(alice, place, {"nick": "Nobody", "role": "none"}).condition == "item-not-found")
    check("a role needs a nick", admin(alice, place, {"jid": carol.bare, "role": "none"}).condition == "bad-request")
    check("not a role and an affiliation", admin(alice, place, {"nick": "Bob", "role": "none", "affiliation": "none"}).condition
          == "bad-request")
    check("no such role", admin(alice, place, {"nick": "Bob", "role": "king"}).condition == "bad-request")
    check("nothing", admin(alice, place).condition == "bad-request")
    admin(alice, place, {"jid": bob.bare, "affiliation": "admin"})
    presence(bob, place, "Bob")
    check("an admin does not kick the owner", admin(bob, place, {"nick": "Alice", "role": "none"}).condition == "not-allowed")
    check("all or nothing", admin(bob, place, {"nick": "Carol", "role": "none"}, {"nick": "Alice", "role": "none"}).condition
          == "not-allowed")
    say(carol, place, "still here", "k1")
    check("Carol is still there", bob.wait("<body>still here</body>"))


def voice():
    place, alice, bob, carol = meeting("voice", "bob", "carol", moderatedroom="1")
    moderated = [i["nick"] for i in listed(alice, place, role="visitor")]
    check("in a moderated room others are visitors", moderated == ["Bob", "Carol"], moderated)
    bob.send(f"<message to='{place}' type='groupchat' id='v1'><body>x</body></message>")
    check("who have no voice", bob.wait("id='v1'").condition == "forbidden")
    answer = admin(alice, place, {"nick": "Bob", "role": "participant", "reason": "Speak"})
    check("voice is granted", answer.get("type") == "result", answer)
    seen = presence(carol, place, "Bob")
    check("everybody sees it", item(seen)["role"] == "participant" and "Speak" in seen.raw and codes(seen) == [], seen)
    say(bob, place, "thank you", "v2")
    check("the list of voices", [i["nick"] for i in listed(alice, place, role="participant")] == ["Bob"])
    check("is for moderators", listed(carol, place, role="participant") == "forbidden")
    admin(alice, place, {"nick": "Bob", "role": "visitor"})
    check("voice is taken", item(presence(bob, place, "Bob"))["role"] in ("participant", "visitor"))
    bob.send(f"<message to='{place}' type='groupchat' id='v3'><body>x</body></message>")
    check("he is silent again", bob.wait("id='v3'").condition == "forbidden")
    carol.send(f"<message to='{place}'>" + muc.form({"muc#role": "participant"}, muc.MUC + "#request") + "</message>")
    asked = alice.wait("muc#request_allow")
    check("a request for voice reaches the moderators", "<value>Carol</value>" in asked.raw and
          asked.get("from") == place and f"<value>{carol.jid}</value>" in asked.raw, asked)
    alice.send(f"<message to='{place}'>" + muc.form({"muc#role": "participant", "muc#jid": carol.jid, "muc#roomnick": "Carol",
                                                     "muc#request_allow": "true"}, muc.MUC + "#request") + "</message>")
    check("who grant it", item(presence(carol, place, "Carol"))["role"] == "participant")
    check("others cannot", (bob.send(f"<message to='{place}' id='v5'>" + muc.form(
        {"muc#roomnick": "Bob", "muc#request_allow": "true"}, muc.MUC + "#request") + "</message>"),
        bob.wait("id='v5'").condition)[1] == "bad-request")
    configure(alice, place, voicerequests="0")
    bob.send(f"<message to='{place}' id='v4'>" + muc.form({"muc#role": "participant"}, muc.MUC + "#request") + "</message>")
    check("requests may be off", bob.wait("id='v4'").condition == "forbidden")
    admin(alice, place, {"jid": bob.bare, "affiliation": "member"})
    bob.wait(lambda e: e.name == "presence" and item(e) and item(e)["affiliation"] == "member" and
             item(e)["role"] == "participant")
    check("a member has voice", True)


def bans():
    place, alice, bob, carol = meeting("bans", "bob", "carol")
    check("a participant bans nobody", admin(bob, place, {"jid": carol.bare, "affiliation": "outcast"}).condition == "forbidden")
    answer = admin(alice, place, {"jid": bob.jid, "affiliation": "outcast", "reason": "Treason"})
    check("an owner does", answer.get("type") == "result", answer)
    own = presence(bob, place, "Bob", "unavailable")
    check("301 and 110 to him", codes(own) == [110, 301] and item(own)["affiliation"] == "outcast" and "Treason" in own.raw, own)
    check("301 to others", codes(presence(carol, place, "Bob", "unavailable")) == [301])
    check("he does not come back", refusal(bob, place, "Bob") == "forbidden")
    got = listed(alice, place, affiliation="outcast")
    check("he is in the list, by his bare address", got == [{"affiliation": "outcast", "jid": bob.bare}], got)
    check("which is for admins", listed(carol, place, affiliation="outcast") == "forbidden")
    check("nobody bans himself", admin(alice, place, {"jid": alice.bare, "affiliation": "outcast"}).condition == "conflict")
    admin(alice, place, {"jid": bob.bare, "affiliation": "none"})
    check("a ban is lifted", enter(bob, place, "Bob").me)
    settle(place, [alice, carol, bob])
    admin(alice, place, {"jid": "localhost", "affiliation": "outcast"})
    check("a domain is banned", codes(presence(bob, place, "Bob", "unavailable")) == [110, 301] and
          codes(presence(carol, place, "Carol", "unavailable")) == [110, 301])
    check("nobody of it comes in", refusal(carol, place, "Carol") == "forbidden")
    check("but who belongs to the room", refusal(alice, place, "Alice") is None)
    check("a domain is nothing else", admin(alice, place, {"jid": "localhost", "affiliation": "member"}).condition ==
          "not-allowed")


def members():
    place, alice, bob, carol = meeting("members", "bob", "carol", membersonly="0")
    admin(alice, place, {"jid": bob.bare, "affiliation": "member", "nick": "Bobby"})
    seen = presence(carol, place, "Bob")
    check("membership is seen", item(seen)["affiliation"] == "member", seen)
    got = listed(alice, place, affiliation="member")
    check("the list has the nick", got == [{"affiliation": "member", "jid": bob.bare, "nick": "Bobby"}], got)
    check("others do not", listed(carol, place, affiliation="member") == "forbidden")
    check("a reserved nick is for nobody else", refusal(server.login("dave", "dev"), place, "Bobby") == "conflict")
    settle(place, [alice, bob, carol])
    configure(alice, place, membersonly="1")
    own = presence(carol, place, "Carol", "unavailable")
    check("322: only members stay", codes(own) == [110, 322], own)
    check("others see it", codes(presence(bob, place, "Carol", "unavailable")) == [322])
    check("she does not come in", refusal(carol, place, "Carol") == "registration-required")
    check("it is said in disco", {"muc_membersonly"} <= features(carol, place), features(carol, place))
    alice.take()
    carol.available()
    admin(alice, place, {"jid": carol.bare, "affiliation": "member"})
    told = alice.wait(lambda e: e.name == "message" and e.find(f"{muc.USER}x/{muc.USER}item") is not None)
    check("a new member who is away is told of to moderators", item(told)["jid"] == carol.bare and
          item(told)["affiliation"] == "member" and item(told)["role"] == "none", told)
    told = carol.wait(lambda e: e.name == "message" and codes(e) == [101])
    check("101 to the member", told.get("from") == place and item(told)["affiliation"] == "member", told)
    entered = enter(carol, place, "Carol")
    check("now she may", item(entered.me)["affiliation"] == "member")
    settle(place, [alice, bob, carol])
    admin(alice, place, {"jid": bob.bare, "affiliation": "none"})
    check("321: he is no member any more", codes(presence(bob, place, "Bob", "unavailable")) == [110, 321])
    check("others see it", codes(presence(carol, place, "Bob", "unavailable")) == [321])


def moderators():
    place, alice, bob, carol = meeting("moderators", "bob", "carol")
    admin(alice, place, {"nick": "Bob", "role": "moderator"})
    seen = presence(carol, place, "Bob")
    check("a moderator is made", item(seen)["role"] == "moderator" and item(seen)["affiliation"] == "none", seen)
    check("the list", {i["nick"] for i in listed(alice, place, role="moderator")} == {"Alice", "Bob"})
    check("is for admins", listed(bob, place, role="moderator") == "forbidden")
    check("he does not make others", admin(bob, place, {"nick": "Carol", "role": "moderator"}).condition == "forbidden")
    check("but kicks them", admin(bob, place, {"nick": "Carol", "role": "none"}).get("type") == "result")
    check("not the owner", admin(bob, place, {"nick": "Alice", "role": "none"}).condition == "not-allowed")
    check("whose voice stays", admin(bob, place, {"nick": "Alice", "role": "visitor"}).condition == "not-allowed")
    admin(alice, place, {"nick": "Bob", "role": "participant"})
    check("and is no more", item(presence(bob, place, "Bob"))["role"] in ("moderator", "participant"))


def owners():
    place, alice, bob, carol = meeting("owners", "bob", "carol")
    check("the last owner stays", admin(alice, place, {"jid": alice.bare, "affiliation": "member"}).condition == "conflict")
    admin(alice, place, {"jid": bob.bare, "affiliation": "owner"})
    seen = presence(bob, place, "Bob")
    check("another owner is a moderator", item(seen)["affiliation"] == "owner" and item(seen)["role"] == "moderator", seen)
    got = listed(bob, place, affiliation="owner")
    check("the list of owners", {i["jid"] for i in got} == {alice.bare, bob.bare}, got)
    check("is not for strangers", listed(carol, place, affiliation="owner") == "forbidden")
    answer = admin(alice, place, {"jid": alice.bare, "affiliation": "none"})
    check("now the first may go", answer.get("type") == "result", answer)
    seen = presence(carol, place, "Alice")
    check("and is a participant", item(seen)["affiliation"] == "none" and item(seen)["role"] == "participant", seen)
    admin(bob, place, {"jid": carol.bare, "affiliation": "admin"})
    check("an admin is a moderator", item(presence(carol, place, "Carol"))["role"] == "moderator")
    check("who does not configure", carol.ask("get", f"<query xmlns='{muc.OWNER}'/>", to=place).condition == "forbidden")
    check("nor makes admins", admin(carol, place, {"jid": alice.bare, "affiliation": "admin"}).condition == "forbidden")
    check("nor bans owners", admin(carol, place, {"jid": bob.bare, "affiliation": "outcast"}).condition == "not-allowed")
    check("but makes members", admin(carol, place, {"jid": alice.bare, "affiliation": "member"}).get("type") == "result")
    got = listed(bob, place, affiliation="admin")
    check("the list of admins", got == [{"affiliation": "admin", "jid": carol.bare}], got)
    answer = configure(bob, place, roomadmins=[alice.bare], roomowners=[bob.bare])
    check("the form changes both", answer.get("type") == "result" and
          [i["jid"] for i in listed(bob, place, affiliation="admin")] == [alice.bare], answer)


def configuration():
    place, alice, bob = meeting("configuration", "bob")
    form = alice.ask("get", f"<query xmlns='{muc.OWNER}'/>", to=place)
    names = {f.get("var"): f for f in form.all(f"{{{muc.OWNER}}}query/{{{muc.FORM}}}x/{{{muc.FORM}}}field")}
    wanted = {"roomname", "roomdesc", "lang", "persistentroom", "publicroom", "membersonly", "moderatedroom",
              "passwordprotectedroom", "roomsecret", "whois", "maxusers", "changesubject", "allowinvites", "allowpm",
              "getmemberlist", "presencebroadcast", "roomadmins", "roomowners", "slow_mode_duration"}
    missing = {w for w in wanted if f"muc#roomconfig_{w}" not in names}
    check("the form has the fields of the XEP", not missing and "muc#maxhistoryfetch" in names, missing)
    check("it is the owner's", bob.ask("get", f"<query xmlns='{muc.OWNER}'/>", to=place).condition == "forbidden" and
          configure(bob, place, roomname="x").condition == "forbidden")
    answer = configure(alice, place, roomname="Tea & <cake>", roomdesc="Every day", lang="en", publicroom="0",
                       whois="anyone")
    check("it is changed", answer.get("type") == "result", answer)
    told = bob.wait(lambda e: e.name == "message" and codes(e))
    check("172 and 104", codes(told) == [104, 172], told)
    answer = bob.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=place)
    got = {f.get("var") for f in answer.all(f".//{INFO}feature")}
    check("disco follows", {"muc_hidden", "muc_nonanonymous"} <= got and "name='Tea &amp; &lt;cake&gt;'" in answer.raw and
          "<value>Every day</value>" in answer.raw, answer)
    answer = bob.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=SERVICE)
    check("a hidden room is not listed", place not in answer.raw, answer)
    carol, = users("carol")
    check("nor tells strangers who is there", not carol.ask(
        "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=place).all(".//*[@jid]"))
    entered = enter(carol, place, "Carol")
    check("100: addresses are seen", 100 in codes(entered.me) and item(entered.others[0])["jid"] == alice.jid, entered)
    check("by all", item(presence(bob, place, "Carol"))["jid"] == carol.jid)
    configure(alice, place, whois="moderators")
    check("173", codes(bob.wait(lambda e: e.name == "message" and codes(e))) == [173])
    configure(alice, place, membersonly="1")
    check("a bad value", configure(alice, place, maxusers="many").condition == "not-acceptable")
    check("a bad combination", configure(alice, place, passwordprotectedroom="1").condition == "not-acceptable")
    other = alice.ask("set", f"<query xmlns='{muc.OWNER}'>{muc.form({}, 'urn:other')}</query>", to=place)
    check("another form", other.condition == "bad-request", other)
    answer = alice.ask("set", f"<query xmlns='{muc.OWNER}'><x xmlns='{muc.FORM}' type='cancel'/></query>", to=place)
    check("a later one is cancelled and changes nothing", answer.get("type") == "result" and
          "muc_membersonly" in features(alice, place))


def logged():
    place, alice, bob = meeting("logged", "bob")
    check("170: an open archive", 170 in codes(enter(bob, place, "Bob").me))
    configure(alice, place, enablearchiving="0")
    check("171", codes(bob.wait(lambda e: e.name == "message" and codes(e))) == [104, 171])
    check("170 no more", 170 not in codes(enter(bob, place, "Bob").me))
    configure(alice, place, enablearchiving="1")
    check("170 again", codes(bob.wait(lambda e: e.name == "message" and codes(e))) == [104, 170])


def password():
    place, alice, bob = meeting("password")[0], *users("alice", "bob")
    configure_by = server.login("alice", "other")
    enter(configure_by, place, "Alice")
    configure(configure_by, place, passwordprotectedroom="1", roomsecret="open sesame")
    check("without the password", refusal(bob, place, "Bob") == "not-authorized")
    check("with a wrong one", refusal(bob, place, "Bob", "<password>x</password>") == "not-authorized")
    check("with the right one", enter(bob, place, "Bob", "<password>open sesame</password>").me)
    check("it is said in disco", "muc_passwordprotected" in features(bob, place))
    del alice


def crowd():
    place, alice, bob, carol = meeting("crowd", maxusers="2")[0], *users("alice", "bob", "carol")
    owner = server.login("alice", "other")
    enter(owner, place, "Alice")
    enter(bob, place, "Bob")
    check("a full room", refusal(carol, place, "Carol") == "service-unavailable")
    admin(owner, place, {"jid": carol.bare, "affiliation": "admin"})
    check("has space for admins", refusal(carol, place, "Carol") is None)
    del alice


def hidden_presence():
    place, alice, bob = meeting("presencebroadcast", "bob")
    configure(alice, place, presencebroadcast=["moderator"])
    bob.wait("code='104'")
    carol, = users("carol")
    entered = enter(carol, place, "Carol")
    check("only moderators are seen", [nick(p) for p in entered.others] == ["Alice"] and entered.me is not None, entered)
    say(carol, place, "boo", "p1")
    first = bob.wait(lambda e: (e.get("from") or "").startswith(place + "/"))
    check("nobody hears who comes", first.name == "message", first)


def invitations():
    place, alice, bob, carol = meeting("invitations", "bob", "carol")
    dave = server.login("dave", "dev")
    dave.available()
    bob.send(f"<message to='{place}' id='i0'><x xmlns='{muc.MUC}#user'><invite to='{dave.bare}'><reason>Come</reason></invite>"
             "</x></message>")
    got = dave.wait("<invite ")
    check("an invitation goes by the room", got.get("from") == place and
          got.find(f"{muc.USER}x/{muc.USER}invite").get("from") == bob.bare and "<reason>Come</reason>" in got.raw, got)
    check("and as a direct one", got.find("{jabber:x:conference}x").get("jid") == place, got)
    dave.send(f"<message to='{place}'><x xmlns='{muc.MUC}#user'><decline to='{bob.bare}'><reason>No time</reason></decline></x>"
              "</message>")
    bob.available()
    got = bob.wait("<decline ")
    check("a decline comes back", got.get("from") == place and "No time" in got.raw and
          got.find(f"{muc.USER}x/{muc.USER}decline").get("from") == dave.bare, got)
    eve = server.login("eve", "dev")
    eve.send(f"<message to='{place}' id='i1'><x xmlns='{muc.MUC}#user'><invite to='{dave.bare}'/></x></message>")
    check("strangers invite nobody", eve.wait("id='i1'").condition == "not-acceptable")
    eve.send(f"<message to='{place}' id='i2'><x xmlns='{muc.MUC}#user'><decline to='x@localhost'/></x></message>")
    check("and the room carries nothing to others", eve.wait("id='i2'").condition == "item-not-found")
    bob.send(f"<message to='{place}' id='i3'><x xmlns='{muc.MUC}#user'><invite to='@'/></x></message>")
    check("a bad address", bob.wait("id='i3'").condition == "jid-malformed")
    configure(alice, place, membersonly="1", passwordprotectedroom="1", roomsecret="pw")
    presence(carol, place, "Carol", "unavailable")
    admin(alice, place, {"jid": carol.bare, "affiliation": "member"})
    enter(carol, place, "Carol", "<password>pw</password>")
    carol.send(f"<message to='{place}' id='i4'><x xmlns='{muc.MUC}#user'><invite to='{dave.bare}'/></x></message>")
    check("members do not invite to a closed room", carol.wait("id='i4'").condition == "forbidden")
    alice.send(f"<message to='{place}'><x xmlns='{muc.MUC}#user'><invite to='{dave.bare}'/></x></message>")
    got = dave.wait("<invite ")
    check("an owner does, with the password", "<password>pw</password>" in got.raw, got)
    check("and the guest is a member now", item(enter(dave, place, "Dave", "<password>pw</password>").me)["affiliation"] ==
          "member")
    dave.send(f"<message to='{eve.bare}'><x xmlns='jabber:x:conference' jid='{place}' password='pw'/></message>")
    eve.available()
    check("a direct invitation is a message", eve.wait("jabber:x:conference").get("from") == dave.jid)


def registration():
    place, alice, bob, carol = meeting("registration", "bob", "carol")
    query = "jabber:iq:register"
    answer = bob.ask("get", f"<query xmlns='{query}'/>", to=place)
    check("the form asks for the nick", "muc#register_roomnick" in answer.raw, answer)
    def register(client, name):
        return client.ask("set", f"<query xmlns='{query}'>" + muc.form({"muc#register_roomnick": name}, muc.MUC + "#register") +
                          "</query>", to=place)
    check("a nick of another is refused", register(bob, "Carol").condition == "conflict")
    check("his own is his", register(bob, "Bob").get("type") == "result")
    check("who is a member now", item(presence(carol, place, "Bob"))["affiliation"] == "member")
    answer = bob.ask("get", f"<query xmlns='{query}'/>", to=place)
    check("he is registered", answer.find(f"{{{query}}}query/{{{query}}}registered") is not None and
          answer.text(f"{{{query}}}query/{{{query}}}username") == "Bob", answer)
    answer = bob.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>", to=place)
    check("the reserved nick is discovered", answer.find(f".//{INFO}identity").get("name") == "Bob", answer)
    muc.leave(bob, place, "Bob")
    check("nobody else gets it", refusal(carol, place, "Bob") == "conflict")
    check("by a change of nick either", (carol.send(f"<presence to='{place}/Bob'/>"), carol.wait("type='error'").condition)[1] ==
          "conflict")
    answer = bob.ask("set", f"<query xmlns='{query}'><remove/></query>", to=place)
    check("he withdraws", answer.get("type") == "result" and listed(alice, place, affiliation="member") == [], answer)
    configure(alice, place, membersonly="1")
    dave = server.login("dave", "dev")
    dave.available()
    check("in a closed room it is a request", register(dave, "Dave").get("type") == "result")
    asked = alice.wait("muc#register_allow")
    check("which admins get", f"<value>{dave.bare}</value>" in asked.raw, asked)
    check("so far he is no member", refusal(dave, place, "Dave") == "registration-required")
    alice.send(f"<message to='{place}'>" + muc.form({"muc#register_allow": "1", "muc#register_jid": dave.bare,
                                                     "muc#register_roomnick": "Dave"}, muc.MUC + "#register") + "</message>")
    check("they approve it", dave.wait(lambda e: codes(e) == [101]) and refusal(dave, place, "Dave") is None)
    configure(alice, place, allowregister="0")
    eve = server.login("eve", "dev")
    check("or it is off", register(eve, "Eve").condition == "not-allowed")


def destruction():
    place, alice, bob = meeting("destruction", "bob")
    query = f"<query xmlns='{muc.OWNER}'><destroy jid='other@{SERVICE}'><reason>Moved</reason></destroy></query>"
    check("not by others", bob.ask("set", query, to=place).condition == "forbidden")
    check("by the owner", alice.ask("set", query, to=place).get("type") == "result")
    gone = presence(bob, place, "Bob", "unavailable")
    check("everybody is told once", gone.find(f"{muc.USER}x/{muc.USER}destroy").get("jid") == f"other@{SERVICE}" and
          "Moved" in gone.raw and item(gone)["role"] == "none", gone)
    check("of nobody else", [e for e in bob.take() if e.name == "presence"] == [])
    check("it is no more", bob.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=place).condition ==
          "item-not-found")
    check("and may be made anew", 201 in codes(enter(bob, place, "Bob").me))


def versions():
    """XEP-0463."""
    place, alice, bob, carol = meeting("versions", "bob", "carol", whois="anyone")
    mav = "urn:xmpp:muc:affiliations:1"
    tag = f"{muc.USER}x/{{{mav}}}mav"
    check("it is announced", mav in features(bob, place))
    admin(alice, place, {"jid": bob.bare, "affiliation": "member"})
    first = presence(bob, place, "Bob").find(tag)
    check("a change has both versions", first.get("since") and first.get("until") and first.get("since") != first.get("until"))
    muc.leave(bob, place, "Bob")
    entered = enter(bob, place, "Bob", f"<mav xmlns='{mav}'/>")
    full = entered.before[0]
    got = {(i.get("jid"), i.get("affiliation")) for i in full.all(f"{muc.USER}x/{muc.USER}item")}
    check("all of them on the first entry", got == {(alice.bare, "owner"), (bob.bare, "member")} and
          full.find(tag).get("since") is None, full)
    until = entered.me.find(tag).get("until")
    check("the version in one's own presence", until == full.find(tag).get("until") == first.get("until"), entered.me)
    muc.leave(bob, place, "Bob")
    check("nothing if it is current", enter(bob, place, "Bob", f"<mav xmlns='{mav}' since='{until}'/>").before == [])
    muc.leave(bob, place, "Bob")
    admin(alice, place, {"jid": "x@localhost", "affiliation": "member"})
    admin(alice, place, {"jid": "x@localhost", "affiliation": "none"})
    entered = enter(bob, place, "Bob", f"<mav xmlns='{mav}' since='{until}'/>")
    got = [(i.get("jid"), i.get("affiliation")) for i in entered.before[0].all(f"{muc.USER}x/{muc.USER}item")]
    check("else what changed since", got == [("x@localhost", "none")] and
          entered.before[0].find(tag).get("since") == until, entered.before)
    muc.leave(bob, place, "Bob")
    full = enter(bob, place, "Bob", f"<mav xmlns='{mav}' since='1'/>").before[0]
    check("an unknown version gets all", len(full.all(f"{muc.USER}x/{muc.USER}item")) == 2 and
          full.find(tag).get("since") is None, full)
    entered = enter(carol, place, "Carol", f"<mav xmlns='{mav}'/>")
    check("who may not list members is told so", entered.before and entered.before[-1].condition == "forbidden", entered.before)


def hats():
    """XEP-0317."""
    place, alice, bob, carol = meeting("hats", "bob", "carol")
    def command(client, name, **fields):
        inside = muc.form({f"hats#{k}": v for k, v in fields.items()}, "urn:xmpp:hats:commands") if fields else ""
        return client.ask("set", "<command xmlns='http://jabber.org/protocol/commands' action='execute' "
                          f"node='urn:xmpp:hats:commands:{name}'>{inside}</command>", to=place)
    check("they are announced", "urn:xmpp:hats:0" in features(bob, place))
    check("participants make none", command(bob, "create", title="T", uri="urn:t").condition == "forbidden")
    check("a form is asked for", "hats#title" in command(alice, "create").raw)
    check("a hat is made", "status='completed'" in command(alice, "create", title="Teacher", uri="urn:t", hue="12.5").raw)
    check("104", codes(bob.wait(lambda e: e.name == "message" and codes(e))) == [104])
    check("it is given", "status='completed'" in command(alice, "assign", jid=bob.bare, uri="urn:t").raw)
    hat = presence(carol, place, "Bob").find("{urn:xmpp:hats:0}hats/{urn:xmpp:hats:0}hat")
    check("all see it", hat is not None and (hat.get("title"), hat.get("uri"), hat.get("hue")) == ("Teacher", "urn:t", "12.5"))
    bob.send(f"<presence to='{place}/Bob'><hats xmlns='urn:xmpp:hats:0'><hat title='King' uri='urn:k'/></hats></presence>")
    seen = presence(carol, place, "Bob")
    check("nobody gives one to himself", "King" not in seen.raw and "Teacher" in seen.raw, seen)
    check("the list", "<value>Teacher</value>" in command(alice, "list").raw)
    check("the list of wearers", f"<value>{bob.bare}</value>" in command(alice, "list-assigned").raw)
    check("no such hat", command(alice, "assign", jid=bob.bare, uri="urn:none").condition == "item-not-found")
    command(alice, "unassign", jid=bob.bare, uri="urn:t")
    check("it is taken", "Teacher" not in presence(carol, place, "Bob").raw)
    command(alice, "assign", jid=carol.bare, uri="urn:t")
    presence(bob, place, "Carol")
    command(alice, "destroy", uri="urn:t")
    check("and gone from all heads", "Teacher" not in presence(bob, place, "Carol").raw)


def avatar():
    """XEP-0486."""
    place, alice, bob = meeting("avatar", "bob")
    card = "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>"
    check("a room has none", bob.ask("get", "<vCard xmlns='vcard-temp'/>", to=place).raw.count("PHOTO") == 0)
    check("not set by others", bob.ask("set", card, to=place).condition == "forbidden")
    check("by the owner", alice.ask("set", card, to=place).get("type") == "result")
    check("104", codes(bob.wait(lambda e: e.name == "message" and codes(e))) == [104])
    check("and in presence", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d" in bob.wait("vcard-temp:x:update").raw)
    check("its hash in disco", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d" in bob.ask(
        "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=place).raw)
    check("it is read", "aGVsbG8=" in bob.ask("get", "<vCard xmlns='vcard-temp'/>", to=place).raw)
    alice.ask("set", "<vCard xmlns='vcard-temp'/>", to=place)
    check("and taken away", "PHOTO" not in bob.ask("get", "<vCard xmlns='vcard-temp'/>", to=place).raw)


def slow():
    """XEP-0500, XEP-0444."""
    place, alice, bob = meeting("slow", "bob", slow_mode_duration="3600", max_reactions_per_user="1",
                                reactions_allowlist="+1 -1")
    say(bob, place, "one", "s1")
    bob.send(f"<message to='{place}' type='groupchat' id='s2'><body>two</body></message>")
    error = bob.wait("id='s2'")
    check("slow mode", error.condition == "policy-violation" and error.find("c:error").get("type") == "wait", error)
    say(alice, place, "a", "s3")
    check("not for moderators", say(alice, place, "b", "s4"))
    info = bob.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=place).raw
    check("disco has it", "muc#roominfo_slow_mode_duration" in info and "urn:xmpp:reactions:0:restrictions" in info, info)
    def react(number, *marks):
        bob.send(f"<message to='{place}' type='groupchat' id='{number}'><reactions xmlns='urn:xmpp:reactions:0' id='x'>" +
                 "".join(f"<reaction>{m}</reaction>" for m in marks) + "</reactions></message>")
        return bob.wait(f"id='{number}'").condition
    check("reactions that are allowed", react("r1", "+1") is None)
    check("too many", react("r2", "+1", "-1") == "not-acceptable")
    check("another", react("r3", "!") == "not-acceptable")


def search():
    """XEP-0433."""
    alice, bob = users("alice", "bob")
    ns = "urn:xmpp:channel-search:0:search"
    for name, title in (("needle", "Sewing"), ("other", "Needlework"), ("hay", "Stack")):
        make(alice, room(name), "Alice", roomname=title, publicroom="1" if name != "hay" else "0")
    form = bob.ask("get", f"<search xmlns='{ns}'/>", to=SERVICE)
    check("the form", "sinname" in form.raw and "key" in form.raw, form)
    def find(rsm="", **fields):
        return bob.ask("get", f"<search xmlns='{ns}'>{rsm}" + muc.form(fields, ns + "-params") + "</search>", to=SERVICE)
    def found(answer):
        return sorted(i.get("address").partition("@")[0] for i in answer.all(f"{{{ns}}}result/{{{ns}}}item"))
    by = "{urn:xmpp:channel-search:0:order}address"
    check("by name and address", found(find(q="eedle", key=by)) == ["needle", "other"], find(q="eedle", key=by))
    check("by name only", found(find(q="eedle", key=by, sinaddr="0")) == ["other"])
    check("not what is hidden", found(find(q="Stack", key=by)) == [])
    check("% is a character", found(find(q="%", key=by)) == [])
    everything = found(find(all="1", key=by))
    check("all", {"needle", "other"} <= set(everything) and "hay" not in everything, everything)
    page = find("<set xmlns='http://jabber.org/protocol/rsm'><max>1</max></set>", q="eedle", key=by)
    check("a page", found(page) == ["needle"], page)
    rest = find(f"<set xmlns='http://jabber.org/protocol/rsm'><max>5</max><after>{room('needle')}</after></set>", q="eedle", key=by)
    check("the next one", found(rest) == ["other"], rest)
    check("by members", found(find(q="eedle", key="{urn:xmpp:channel-search:0:order}nusers")) == ["needle", "other"])
    check("an unknown order", "invalid-sort-key" in find(q="x", key="y").raw)
    check("no conditions", "no-search-conditions" in find(key=by).raw)
    check("conflicting ones", "conflicting-fields" in find(key=by, q="x", all="1").raw)
    check("other services", found(find(q="eedle", key=by, types=["xep-0369"])) == [])


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave", "eve")
    run(kick, voice, bans, members, moderators, owners, configuration, logged, password, crowd, hidden_presence, invitations,
        registration, destruction, versions, hats, avatar, slow, search)


try:
    main()
finally:
    server.kill()
