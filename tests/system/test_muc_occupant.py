#!/usr/bin/env python3
"""Rooms, from the side of those who are in them (XEP-0045 7): enter, speak, change the nick, whisper, leave."""
from bongsu import Server, check, run
from bongsu import muc
from bongsu.archive import results
from bongsu.muc import codes, enter, instant, item, make, nick, presence, refusal, say
from bongsu.sm import enable

server = Server()
SERVICE = "conference.localhost"


def room(name):
    return f"{name}@{SERVICE}"


def users(*names):
    return [server.login(name, "dev") for name in names]


def creation():
    alice, bob = users("alice", "bob")
    place = room("made")
    entered = enter(alice, place, "Alice")
    check("the maker is the only one", entered.others == [], entered)
    check("201: the room was made", 201 in codes(entered.me), entered.me)
    check("the maker is owner and moderator", item(entered.me)["affiliation"] == "owner" and
          item(entered.me)["role"] == "moderator", entered.me)
    check("there is an empty subject", not entered.subject.text("c:subject"), entered.subject)
    check("nobody enters before it is configured", refusal(bob, place, "Bob") == "item-not-found")
    instant(alice, place)
    entered = enter(bob, place, "Bob")
    check("then others may", [nick(p) for p in entered.others] == ["Alice"], entered)
    check("no 201 for them", 201 not in codes(entered.me), entered.me)
    check("others are participants without affiliation", item(entered.me)["affiliation"] == "none" and
          item(entered.me)["role"] == "participant", entered.me)
    check("a participant does not see addresses", "jid" not in item(entered.others[0]), entered.others)
    check("a moderator does", item(presence(alice, place, "Bob"))["jid"] == bob.jid)
    answer = bob.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=place)
    features = {f.get("var") for f in answer.all(".//{http://jabber.org/protocol/disco#info}feature")}
    check("a new room is open, public, persistent", {"muc_open", "muc_public", "muc_persistent", "muc_semianonymous",
                                                     "muc_unsecured", "muc_unmoderated"} <= features, features)
    answer = bob.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to=SERVICE)
    check("it is listed", f"jid='{place}'" in answer.raw, answer)
    answer = bob.ask("get", "<query xmlns='http://jabber.org/protocol/disco#items'/>", to="localhost")
    check("the host names the service", f"jid='{SERVICE}'" in answer.raw, answer)


def cancelled():
    alice, bob = users("alice", "bob")
    place = room("cancelled")
    enter(alice, place, "Alice")
    answer = alice.ask("set", f"<query xmlns='{muc.OWNER}'><x xmlns='{muc.FORM}' type='cancel'/></query>", to=place)
    check("the first configuration is cancelled", answer.get("type") == "result", answer)
    gone = presence(alice, place, "Alice", "unavailable")
    check("the room is destroyed", gone.find(f"{muc.USER}x/{muc.USER}destroy") is not None, gone)
    check("and may be made by another", 201 in codes(enter(bob, place, "Bob").me))


def messages():
    alice, bob = users("alice", "bob")
    place = room("talk")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    presence(alice, place, "Bob")
    said = say(alice, place, "hello", "x1", "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='false'/>"
               f"<stanza-id xmlns='urn:xmpp:sid:0' by='{place}' id='false'/>")
    check("the speaker gets it back", said.get("from") == f"{place}/Alice" and said.text("c:body") == "hello", said)
    got = bob.wait("<body>hello</body>")
    check("it keeps its id", got.get("id") == "x1", got)
    ids = got.all(muc.STANZA_ID)
    check("one stanza-id, by the room", len(ids) == 1 and ids[0].get("by") == place and ids[0].get("id") != "false", got)
    ids = got.all(muc.OCCUPANT_ID)
    check("one occupant-id, not the client's", len(ids) == 1 and len(ids[0].get("id")) >= 20, got)
    check("others get the same", got.find(muc.STANZA_ID).get("id") == said.find(muc.STANZA_ID).get("id"))
    bob.send(f"<message to='{place}/Alice' type='groupchat' id='g'><body>x</body></message>")
    check("no groupchat to a nick", bob.wait("id='g'").condition == "bad-request")
    carol, = users("carol")
    carol.send(f"<message to='{place}' type='groupchat' id='n'><body>x</body></message>")
    check("strangers do not speak", carol.wait("id='n'").condition == "not-acceptable")
    carol.send(f"<message to='{room('nowhere')}' type='groupchat' id='n2'><body>x</body></message>")
    check("nor in rooms that are not there", carol.wait("id='n2'").condition == "item-not-found")
    carol.send(f"<message to='{place}' id='n3'><body>x</body></message>")
    check("a room takes no other message", carol.wait("id='n3'").condition == "bad-request")
    bob.send(f"<message to='{place}' type='groupchat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
    check("chat states pass", "from='" + place + "/Bob'" in alice.wait("<composing ").raw)


def whispers():
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("whisper")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    bob.send(f"<message to='{place}/Alice' type='chat' id='w1'><body>psst</body></message>")
    got = alice.wait("<body>psst</body>")
    check("a private message comes from the nick", got.get("from") == f"{place}/Bob" and got.get("type") == "chat", got)
    check("it is marked", got.find(f"{muc.USER}x") is not None, got)
    bob.send(f"<message to='{place}/Nobody' type='chat' id='w2'><body>psst</body></message>")
    check("a nick that is not there", bob.wait("id='w2'").condition == "item-not-found")
    carol.send(f"<message to='{place}/Alice' type='chat' id='w3'><body>psst</body></message>")
    check("strangers do not whisper", carol.wait("id='w3'").condition == "not-acceptable")
    alice.send(f"<message to='{place}/Bob' type='error' id='w1'><error type='cancel'><service-unavailable "
               "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
    check("an error goes back", bob.wait("id='w1'").condition == "service-unavailable")
    say(alice, place, "still here", "s1")
    check("and does not end the visit", bob.wait("<body>still here</body>"))
    for kind, conditions in (("none", ("forbidden", "forbidden")), ("moderators", ("forbidden", None)),
                             ("participants", (None, None))):
        muc.configure(alice, place, allowpm=kind)
        bob.wait("code='104'")
        enter(carol, place, "Carol")
        for nick_, condition in zip(("Carol", "Alice"), conditions):
            bob.send(f"<message to='{place}/{nick_}' type='chat' id='{kind}{nick_}'><body>x</body></message>")
            to = alice if nick_ == "Alice" else carol
            if condition:
                check(f"allowpm={kind}: Bob to {nick_}", bob.wait(f"id='{kind}{nick_}'").condition == condition)
            else:
                check(f"allowpm={kind}: Bob to {nick_}", to.wait(f"id='{kind}{nick_}'").text("c:body") == "x")


def nicks():
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("nicks")
    make(alice, place, "Alice")
    check("a nick that is taken", refusal(bob, place, "Alice") == "conflict")
    bob.send(f"<presence to='{place}'><x xmlns='{muc.MUC}'/></presence>")
    check("without a nick", bob.wait("type='error'").condition == "jid-malformed")
    first = enter(bob, place, "Bob")
    enter(carol, place, "Carol")
    bob.send(f"<presence to='{place}/Robert'><show>away</show></presence>")
    own = presence(bob, place, "Bob", "unavailable")
    check("303 and 110 to oneself", codes(own) == [110, 303] and item(own)["nick"] == "Robert", own)
    new = presence(bob, place, "Robert")
    check("then the new nick, 110", codes(new) == [110], new)
    check("the occupant-id stays", new.find(muc.OCCUPANT_ID).get("id") == first.me.find(muc.OCCUPANT_ID).get("id"))
    gone = presence(carol, place, "Bob", "unavailable")
    check("303 to others", codes(gone) == [303] and item(gone)["nick"] == "Robert", gone)
    check("who see the new one", presence(carol, place, "Robert").find("c:show").text == "away")
    bob.send(f"<presence to='{place}/Alice'/>")
    check("not to a nick that is taken", bob.wait("type='error'").condition == "conflict")
    bob.send(f"<presence to='{place}/Robert'><status>busy</status></presence>")
    check("presence is passed on", presence(carol, place, "Robert").text("c:status") == "busy")
    muc.configure(alice, place, locknicks="1")
    bob.wait("code='104'")
    bob.send(f"<presence to='{place}/Bobby'/>")
    check("nor when nicks are locked", bob.wait("type='error'").condition == "not-acceptable")


def leaving():
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("leaving")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    enter(carol, place, "Carol")
    own = muc.leave(bob, place, "Bob", "so long")
    check("110 to who leaves", codes(own) == [110] and item(own)["role"] == "none", own)
    gone = presence(alice, place, "Bob", "unavailable")
    check("others see it, with the words", gone.text("c:status") == "so long" and item(gone)["role"] == "none" and
          codes(gone) == [], gone)
    carol.close()
    gone = presence(alice, place, "Carol", "unavailable")
    check("a connection that is lost leaves too", item(gone)["role"] == "none", gone)
    bob.send(f"<presence to='{place}/Bob'/>")
    lost = presence(bob, place, "Bob", "unavailable")
    check("who lost track is told (110, 307, 333)", codes(lost) == [110, 307, 333], lost)
    bob.send(f"<presence to='{place}/Bob' type='unavailable'/>")
    check("nothing else", bob.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=f"{place}/Bob").condition == "not-acceptable")


def temporary():
    alice, bob = users("alice", "bob")
    place = room("temporary")
    make(alice, place, "Alice", persistentroom="0")
    muc.leave(alice, place, "Alice")
    check("a temporary room ends with its last occupant", 201 in codes(enter(bob, place, "Bob").me))
    muc.leave(bob, place, "Bob")
    check("so does one that was never configured", 201 in codes(enter(alice, place, "Alice").me))
    place = room("lasting")
    make(alice, place, "Alice")
    muc.leave(alice, place, "Alice")
    check("a persistent one stays", 201 not in codes(enter(bob, place, "Bob").me))


def devices():
    alice, bob = users("alice", "bob")
    phone = server.login("alice", "phone")
    place = room("devices")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    mine = enter(phone, place, "Alice")
    check("a second device shares the nick", [nick(p) for p in mine.others] == ["Bob"] and 110 in codes(mine.me), mine)
    check("the first one knows", 110 in codes(presence(alice, place, "Alice")))
    presence(bob, place, "Alice")
    say(phone, place, "from my phone", "d1")
    check("the other device hears it", alice.wait("<body>from my phone</body>").get("from") == f"{place}/Alice")
    bob.send(f"<message to='{place}/Alice' type='chat' id='d2'><body>both</body></message>")
    ids = {client.wait("<body>both</body>").find(muc.STANZA_ID).get("id") for client in (alice, phone)}
    check("both get what is whispered, as one message", len(ids) == 1, ids)
    check("which the archive has once", [r.get("id") for r in results(server.login("alice", "reader"))][-1:] == [*ids])
    lost = enable(server.login("alice", "lost"))
    enter(lost, place, "Alice")
    alice.available()
    bob.send(f"<message to='{place}/Alice' type='chat' id='d3'><body>three</body></message>")
    for client in (alice, phone, lost):
        client.wait("<body>three</body>")
    lost.ends()
    presence(alice, place, "Alice")
    alice.sync()
    check("what one of them did not acknowledge is not for the others again", not [e for e in alice.take() if e.get("id") == "d3"])
    muc.leave(alice, place, "Alice")
    check("when one leaves", bob.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=f"{place}/Bob").get("type") == "result")
    seen = [p for p in bob.take() if p.name == "presence" and p.get("type") == "unavailable"]
    check("others do not see it", seen == [], seen)
    muc.leave(phone, place, "Alice")
    check("but that the last one did", presence(bob, place, "Alice", "unavailable"))


def again():
    """A client that lost track enters a second time."""
    alice, bob = users("alice", "bob")
    place = room("again")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    presence(alice, place, "Bob")
    entered = enter(bob, place, "Bob")
    check("it gets everything again", [nick(p) for p in entered.others] == ["Alice"] and 110 in codes(entered.me), entered)
    say(bob, place, "here I am", "a1")
    got = alice.wait(lambda e: (e.get("from") or "").startswith(place))
    check("and others hear nothing of it", got.name == "message", got)


def questions():
    alice, bob, carol = users("alice", "bob", "carol")
    phone = server.login("bob", "phone")
    place = room("questions")
    make(alice, place, "Alice")
    for who in (bob, phone):
        enter(who, place, "Bob")
    ping = "<ping xmlns='urn:xmpp:ping'/>"
    check("a ping to oneself is answered by the room", bob.ask("get", ping, to=f"{place}/Bob").get("type") == "result")
    check("not for who is not there", carol.ask("get", ping, to=f"{place}/Bob").condition == "not-acceptable")
    check("nor to a nick that is not there", bob.ask("get", ping, to=f"{place}/Nobody").condition == "item-not-found")
    for who in (bob, phone):
        who.send(f"<iq type='get' id='v' to='{place}/Alice'><query xmlns='jabber:iq:version'/></iq>")
        asked = alice.wait("jabber:iq:version")
        check("a question goes to the device", asked.get("from") == f"{place}/Bob", asked)
        alice.send(f"<iq type='result' id='{asked.get('id')}' to='{place}/Bob'>"
                   "<query xmlns='jabber:iq:version'><name>A</name></query></iq>")
        answer = who.wait("<name>A</name>")
        check("the answer to the one that asked", answer.get("id") == "v" and answer.get("from") == f"{place}/Alice", answer)
    answer = alice.ask("set", "<vCard xmlns='vcard-temp'><FN>Alice A</FN></vCard>")
    answer = bob.ask("get", "<vCard xmlns='vcard-temp'/>", to=f"{place}/Alice")
    check("a vCard is the account's", "<FN>Alice A</FN>" in answer.raw and answer.get("from") == f"{place}/Alice", answer)
    info = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
    check("a stranger asks nothing of a nick", carol.ask("get", info, to=f"{place}/Alice").condition == "bad-request")
    check("nor of rooms that are not there", carol.ask("get", info, to=room("nothing")).condition == "item-not-found")
    check("a question that nobody knows", bob.ask("get", "<x xmlns='urn:nothing'/>", to=place).condition ==
          "service-unavailable")


def subject():
    alice, bob, carol = users("alice", "bob", "carol")
    place = room("subject")
    make(alice, place, "Alice")
    enter(bob, place, "Bob")
    bob.send(f"<message to='{place}' type='groupchat' id='s1'><subject>Tea</subject></message>")
    got = alice.wait("<subject>Tea</subject>")
    check("the subject is told", got.get("from") == f"{place}/Bob", got)
    entered = enter(carol, place, "Carol")
    check("to those who come later, too", entered.subject.text("c:subject") == "Tea" and
          entered.subject.get("from") == f"{place}/Bob" and entered.subject.find(muc.DELAY) is not None, entered.subject)
    bob.send(f"<message to='{place}' type='groupchat' id='s2'><subject>Tea</subject><body>and more</body></message>")
    alice.wait("<body>and more</body>")
    muc.configure(alice, place, changesubject="0")
    bob.send(f"<message to='{place}' type='groupchat' id='s3'><subject>Coffee</subject></message>")
    check("it may be for moderators only", bob.wait("id='s3'").condition == "forbidden")
    alice.send(f"<message to='{place}' type='groupchat' id='s4'><subject/></message>")
    bob.wait("id='s4'")
    muc.leave(carol, place, "Carol")
    check("and be taken away", not enter(carol, place, "Carol").subject.text("c:subject"))


def history():
    alice, bob = users("alice", "bob")
    place = room("history")
    make(alice, place, "Alice")
    for i in range(30):
        say(alice, place, f"line {i}", f"h{i}")
    def heard(x=""):
        entered = enter(bob, place, "Bob", x)
        muc.leave(bob, place, "Bob")
        return entered.history
    lines = [m.text("c:body") for m in heard()]
    check("the last ones are told, in order", lines == [f"line {i}" for i in range(10, 30)], lines)
    last = heard("<history maxstanzas='1'/>")
    check("at most so many", [m.text("c:body") for m in last] == ["line 29"], last)
    check("with time, ids and nick", last[0].find(muc.DELAY).get("from") == place and last[0].find(muc.STANZA_ID) is not None
          and last[0].find(muc.OCCUPANT_ID) is not None and last[0].get("from") == f"{place}/Alice", last[0])
    check("none", heard("<history maxchars='0'/>") == [] and heard("<history maxstanzas='0'/>") == [])
    size = len(last[0].raw)
    few = heard(f"<history maxchars='{3 * size + size // 2}'/>")
    check("so many characters", [m.text("c:body") for m in few] == ["line 27", "line 28", "line 29"], few)
    check("since a time", heard("<history since='2001-01-01T00:00:00Z'/>")[-1].text("c:body") == "line 29" and
          heard("<history since='2099-01-01T00:00:00Z'/>") == [])
    check("so many seconds", len(heard("<history seconds='3600'/>")) == 20)
    check("the least of all", len(heard("<history seconds='3600' maxstanzas='3' maxchars='65535'/>")) == 3)


def main():
    server.start()
    server.register("alice", "bob", "carol")
    run(creation, cancelled, messages, whispers, nicks, leaving, temporary, devices, again, questions, subject, history)


try:
    main()
finally:
    server.kill()
