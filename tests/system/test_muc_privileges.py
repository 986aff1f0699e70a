#!/usr/bin/env python3
"""Rooms: every role and affiliation tries everything that XEP-0045 5.1.1 and 5.2.1 have a privilege for, at a real server; a
table says what each is answered."""
from bongsu import Server, check, run
from bongsu import muc
from bongsu.muc import admin, codes, configure, enter, item, leave, make

server = Server(c2s={"stanzas_per_second": 0})
PLACE = "table@conference.localhost"
GUEST = "Guest"

# Who tries: role and affiliation. Who has no role is not in the room.
WHO = [(None, "none"), (None, "member"), (None, "admin"), (None, "owner"), (None, "outcast"), ("visitor", "none"),
       ("participant", "none"), ("participant", "member"), ("moderator", "none"), ("moderator", "member"),
       ("moderator", "admin"), ("moderator", "owner")]
LETTERS = {None: "Y", "forbidden": "f", "not-allowed": "n", "not-acceptable": "a"}


def message(inside, to=PLACE, kind=" type='groupchat'"):
    return f"<message to='{to}'{kind} id='try'>{inside}</message>"


def roles(role):
    return admin_iq(f"<item nick='{GUEST}' role='{role}'/>")


def affiliations(affiliation, jid="x@localhost"):
    return admin_iq(f"<item jid='{jid}' affiliation='{affiliation}'/>")


def admin_iq(inside, kind="set", ns=muc.ADMIN):
    return f"<iq to='{PLACE}' type='{kind}' id='try'><query xmlns='{ns}'>{inside}</query></iq>"


def lists(name, value):
    return admin_iq(f"<item {name}='{value}'/>", "get")


INVITE = f"<x xmlns='{muc.MUC}#user'><invite to='carol@localhost'/></x>"
X = {"jid": "x@localhost"}
NOBODY = X | {"affiliation": "none"}
VOICE, MUTE, POWER = ({"nick": GUEST, "role": role} for role in ("participant", "visitor", "moderator"))

# What is tried; what the owner does before; a letter for each of WHO: those outside by affiliation (none, member, admin,
# owner, outcast), then visitor, participant, participant who is a member, then moderators (none, member, admin, owner).
# Y: done, f: forbidden, n: not-allowed, a: not-acceptable, -: not tried.
TABLE = [
    ("speak", message("<body>x</body>"), None, "aaaaa" "fYY" "YYYY"),
    ("whisper", message("<body>x</body>", f"{PLACE}/{GUEST}", " type='chat'"), None, "aaaaa" "YYY" "YYYY"),
    ("set the subject", message("<subject>x</subject>"), None, "aaaaa" "fYY" "YYYY"),
    ("invite", message(INVITE, kind=""), None, "aaaaa" "fYY" "YYYY"),
    ("change availability", f"<presence to='{PLACE}/Actor' id='try'><show>away</show></presence>", None, "-----" "YYY" "YYYY"),
    ("change the nick", f"<presence to='{PLACE}/Other' id='try'/>", None, "-----" "YYY" "YYYY"),
    ("grant voice", roles("participant"), MUTE, "ffYYf" "fff" "YYYY"),
    ("revoke voice", roles("visitor"), VOICE, "ffYYf" "fff" "YYYY"),
    ("grant moderation", roles("moderator"), VOICE, "ffYYf" "fff" "ffYY"),
    ("revoke moderation", roles("participant"), POWER, "ffYYf" "fff" "ffYY"),
    ("list voices", lists("role", "participant"), None, "fffff" "fff" "YYYY"),
    ("list moderators", lists("role", "moderator"), None, "ffYYf" "fff" "ffYY"),
    ("list members", lists("affiliation", "member"), None, "ffYYf" "fff" "ffYY"),
    ("list bans", lists("affiliation", "outcast"), None, "ffYYf" "fff" "ffYY"),
    ("list admins", lists("affiliation", "admin"), None, "ffYYf" "fff" "ffYY"),
    ("list owners", lists("affiliation", "owner"), None, "ffYYf" "fff" "ffYY"),
    ("ban", affiliations("outcast"), NOBODY, "ffYYf" "fff" "ffYY"),
    ("lift a ban", affiliations("none"), X | {"affiliation": "outcast"}, "ffYYf" "fff" "ffYY"),
    ("make a member", affiliations("member"), NOBODY, "ffYYf" "fff" "ffYY"),
    ("make an admin", affiliations("admin"), NOBODY, "fffYf" "fff" "fffY"),
    ("make an owner", affiliations("owner"), NOBODY, "fffYf" "fff" "fffY"),
    ("ban an admin", affiliations("outcast"), X | {"affiliation": "admin"}, "ffnYf" "fff" "ffnY"),
    ("ban an owner", affiliations("outcast"), X | {"affiliation": "owner"}, "ffnYf" "fff" "ffnY"),
    ("silence an owner", admin_iq("<item nick='Owner' role='visitor'/>"), None, "ffnnf" "fff" "nnnn"),
    ("kick an owner", admin_iq("<item nick='Owner' role='none'/>"), None, "fffff" "fff" "nnnn"),
    ("read the configuration", admin_iq("", "get", muc.OWNER), None, "fffYf" "fff" "fffY"),
    ("configure", admin_iq(muc.form({"muc#roomconfig_roomdesc": "x"}), ns=muc.OWNER), None, "fffYf" "fff" "fffY"),
    ("kick", roles("none"), VOICE, "fffff" "fff" "YYYY"),
    ("destroy", admin_iq("<destroy/>", ns=muc.OWNER), None, "fffYf" "fff" "fffY"),
]
# Of members in a room where all see addresses.
OPEN = [
    ("list members", lists("affiliation", "member"), None, "fYYYf" "ffY" "fYYY"),
    ("list bans", lists("affiliation", "outcast"), None, "ffYYf" "fff" "ffYY"),
]


def settle(client):
    """All that the room had for the client has come: its answers keep their order. Returns that."""
    client.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to=PLACE)
    return client.take()


def done(client, *items):
    answer = admin(client, PLACE, *items)
    assert answer.get("type") == "result", (items, answer)


def stage(owner, actor, role, affiliation):
    """The actor becomes that, in the room if it has a role."""
    done(owner, {"jid": actor.bare, "affiliation": affiliation})
    if not role:
        return
    me = enter(actor, PLACE, "Actor", "<history maxstanzas='0'/>").me
    if item(me)["role"] != role:
        done(owner, {"nick": "Actor", "role": role})
        actor.wait(lambda e: e.name == "presence" and 110 in codes(e) and item(e)["role"] == role)


def tried(actor, stanza):
    """The letter of what came back before the answer to a question behind it."""
    settle(actor)
    actor.send(stanza)
    errors = [e for e in settle(actor) if e.get("id") == "try" and e.get("type") == "error"]
    return LETTERS.get(errors[0].condition, errors[0].condition) if errors else "Y"


def trials(table, owner, actor, guest, anew):
    for number, (role, affiliation) in enumerate(WHO):
        stage(owner, actor, role, affiliation)
        got, wanted = {}, {}
        for name, stanza, before, letters in table:
            if letters[number] == "-":
                continue
            if before:
                done(owner, before)
            got[name], wanted[name] = tried(actor, stanza), letters[number]
            if name == "kick" and got[name] == "Y":
                enter(guest, PLACE, GUEST)
        check(f"{role or 'nobody'} with affiliation {affiliation}", got == wanted,
              {n: (got[n], wanted[n]) for n in got if got[n] != wanted[n]})
        if got.get("destroy") == "Y":
            anew()
            continue
        if role:
            leave(actor, PLACE, "Other")
        done(owner, {"jid": actor.bare, "affiliation": "none"}, NOBODY)
        for client in (owner, guest):
            settle(client)


def play():
    owner, actor, guest = (server.login(name, "dev") for name in ("alice", "bob", "carol"))

    def anew():
        """A moderated room of Alice's with a guest in it."""
        for client in (owner, actor, guest):
            settle(client)
        make(owner, PLACE, "Owner", moderatedroom="1")
        enter(guest, PLACE, GUEST)
    anew()
    trials(TABLE, owner, actor, guest, anew)
    configure(owner, PLACE, whois="anyone")
    trials([row for row in TABLE if row[0] in ("change the nick",)] + OPEN, owner, actor, guest, anew)


def devices():
    """What counts is the account: another device of a moderator may moderate (XEP-0045 8)."""
    owner, guest = server.login("alice", "dev2"), server.login("carol", "dev2")
    make(owner, "devices@conference.localhost", "Owner")
    enter(guest, "devices@conference.localhost", GUEST)
    with server.login("alice", "outside") as other:
        answer = admin(other, "devices@conference.localhost", {"nick": GUEST, "role": "none"})
    check("a moderator's device that is not in the room kicks", answer.get("type") == "result", answer)


def main():
    server.start()
    server.register("alice", "bob", "carol")
    run(play, devices)


try:
    main()
finally:
    server.kill()
