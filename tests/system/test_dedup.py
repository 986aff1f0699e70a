#!/usr/bin/env python3
"""A message that comes again with a known origin-id is answered as if new, and neither archived nor delivered again.

timeout: 240
"""
from bongsu import Server, check, muc, run, wait_for
from bongsu.sm import ask, enable

RESULT = "{urn:xmpp:mam:2}result"
server = Server()


def message(to, number, origin=None, body=None, more=""):
    origin = f"<origin-id xmlns='urn:xmpp:sid:0' id='{origin or number}'/>"
    return f"<message to='{to}' type='chat' id='{number}'><body>{body or number}</body>{origin}{more}</message>"


def settled(client, to):
    client.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=to)


def history(client):
    client.ask("set", "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>250</max></set></query>")
    results = [e.find(RESULT) for e in client.take() if e.find(RESULT) is not None]
    return [r.findtext(".//{jabber:client}body") for r in results]


def arrived(client):
    """All that came until now: what it sends to itself comes behind."""
    client.send(f"<message to='{client.jid}' id='end' type='chat'><no-store xmlns='urn:xmpp:hints'/><body/></message>")
    got = []
    while not got or got[-1] != "end":
        got.append(client.wait(lambda e: e.name == "message").get("id"))
    return got[:-1]


def again(restart, what):
    alice, bob = server.login("alice"), server.login("bob")
    bob.available()
    begin = len(history(alice)), len(history(bob))
    alice.send(message("bob@localhost", f"{what}-1") + message("bob@localhost", f"{what}-2"))
    bob.wait(f"id='{what}-2'")
    settled(alice, "bob@localhost")
    bob.take()
    if restart:
        restart()
        alice, bob = server.login("alice", "another"), server.login("bob")
        history(bob)  # so that nothing is repeated for it
        bob.available()
    alice.send(message("bob@localhost", f"{what}-1") + message("bob@localhost", f"{what}-3") + message("bob@localhost", f"{what}-1"))
    bob.wait(f"id='{what}-3'")
    settled(alice, "bob@localhost")
    check(f"{what}: nothing is delivered again", arrived(bob) == [])
    check(f"{what}: and no error comes", not [e for e in alice.take() if e.get("type") == "error"])
    bodies = [f"{what}-{n}" for n in (1, 2, 3)]
    check(f"{what}: nor archived by the sender", history(alice)[begin[0]:] == bodies, history(alice))
    check(f"{what}: nor by the recipient", history(bob)[begin[1]:] == bodies, history(bob))


def at_once():
    again(None, "at-once")


def after_restart():
    again(server.restart, "restart")


def killed():
    server.kill()
    server.start()


def after_kill():
    again(killed, "kill")


def others():
    """The same id from somebody else, to somebody else, or not as an origin-id, is another message."""
    alice, carol, bob = server.login("alice"), server.login("carol"), server.login("bob")
    bob.available()
    alice.send(message("bob@localhost", "same"))
    bob.wait("id='same'")
    carol.send(message("bob@localhost", "same"))
    check("of another sender", bob.wait("id='same'").get("from") == carol.jid)
    alice.send(message("carol@localhost", "same"))
    carol.available()
    check("to another", carol.wait("id='same'").get("from") == alice.jid)
    plain = "<message to='bob@localhost' type='chat' id='plain'><body>x</body></message>"
    alice.send(plain + plain)
    bob.wait("id='plain'")
    bob.wait("id='plain'")
    check("ids that are no origin-ids may come again", True)


def only_half():
    """The sender's copy was committed, but the message got no further: it is delivered when it comes again."""
    alice, dave = server.login("alice"), server.login("dave")
    server.register("late")
    server.ctl("unregister", "late", "localhost")
    alice.send(message("late@localhost", "half"))
    settled(alice, "bob@localhost")
    server.register("late")
    late = server.login("late")
    late.available()
    alice.send(message("late@localhost", "half"))
    check("the recipient gets it", late.wait("id='half'").text("c:body") == "half")
    check("and has it", history(late) == ["half"])
    check("the sender has it once", history(alice).count("half") == 1)
    dave.ends()


def kept_by_one():
    """The sender keeps no history, so only the recipient's side knows that it came."""
    for restart in (None, server.restart, killed):
        what = restart.__name__ if restart else "at once"
        dave, bob = server.login("dave"), server.login("bob")
        dave.ask("set", "<prefs xmlns='urn:xmpp:mam:2' default='never'><always/><never/></prefs>")
        bob.available()
        dave.send(message("bob@localhost", f"kept-{what}"))
        bob.wait("id='kept-")
        settled(dave, "bob@localhost")
        if restart:
            restart()
            dave, bob = server.login("dave"), server.login("bob")
            history(bob)
            bob.available()
        dave.send(message("bob@localhost", f"kept-{what}") + message("bob@localhost", f"more-{what}"))
        bob.wait("id='more-")
        check(f"kept by one, {what}: the recipient hears it once", arrived(bob) == [])
        check("and has it once", history(bob).count(f"kept-{what}") == 1)
        check("the sender has nothing", not [b for b in history(dave) if what in b])
        dave.ask("set", "<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never/></prefs>")


def to_oneself():
    alice = server.login("erin")
    alice.available()
    alice.send(message("erin@localhost", "note") * 3)
    alice.wait("id='note'")
    check("a note comes once", arrived(alice) == [])
    check("and is there once", history(alice) == ["note"])


def room_history(client, room):
    client.ask("set", "<query xmlns='urn:xmpp:mam:2'/>", to=room)
    return [e.find(RESULT).findtext(".//{jabber:client}body") for e in client.take() if e.find(RESULT) is not None]


def in_a_room():
    """What is said again in a room is heard once, whether the server was killed in between or not."""
    room, alice, bob = "room@conference.localhost", server.login("alice"), server.login("bob")

    def say(client, number, what):
        client.send(message(room, number).replace("'chat'", "'groupchat'"))
        got = client.wait(f"id='{number}'.*<body>")
        check(f"{what}: it comes back to its sender", got.get("from").startswith(room), got)
    muc.make(alice, room, "Alice")
    muc.enter(bob, room, "Bob")
    say(alice, "r1", "what is said")
    bob.wait("id='r1'")
    alice.close()
    alice = server.login("alice", "another")
    muc.enter(alice, room, "Alice", "<history maxstanzas='0'/>")
    say(alice, "r1", "what is said again")
    say(bob, "r1", "the same id from another")
    alice.wait("id='r1'.*<body>")
    killed()
    alice, bob = server.login("alice"), server.login("bob")
    muc.enter(alice, room, "Alice", "<history maxstanzas='0'/>")
    muc.enter(bob, room, "Bob", "<history maxstanzas='0'/>")
    for number in ("r1", "r2", "r1", "r2", "r3"):
        say(alice, number, f"{number} after a crash")
    got = []
    while "r3" not in got:
        got.append(bob.wait(lambda e: e.name == "message").get("id"))
    check("others hear what is new, once", got == ["r2", "r3"], got)
    check("so it is in the archive", room_history(bob, room) == ["r1", "r1", "r2", "r3"], room_history(bob, room))


def whispered():
    """What is whispered in a room again is heard once by each device of the nick, whether the server was killed in between or not."""
    room = "den@conference.localhost"

    def enter():
        clients = server.login("gina"), server.login("hank", "desk"), server.login("hank", "phone")
        for client, nick in zip(clients, ("Gina", "Hank", "Hank")):
            muc.enter(client, room, nick, "<history maxstanzas='0'/>")
        return clients

    def got(client):
        found = []
        while not found or found[-1][1] != "end":
            e = client.wait(lambda e: e.name == "message" and e.get("type") == "chat")
            found.append((e.get("id"), e.text("c:body")))
        return [number for number, _ in found[:-1]]
    with server.login("gina") as gina:
        muc.make(gina, room, "Gina")
    for when, numbers, heard in (("each device hears it once", "1121", ["w1", "w2"]), ("also after a crash", "1323", ["w3"])):
        gina, desk, phone = enter()
        gina.send("".join(message(f"{room}/Hank", f"w{n}") for n in numbers))
        gina.send(f"<message to='{room}/Hank' type='chat'><body>end</body></message>")
        found = [got(client) for client in (desk, phone)]
        check(when, found == [heard] * 2, found)
        killed()
    bodies = [b for b in history(server.login("hank")) if b != "end"]
    check("so it is in the archive", bodies == ["w1", "w2", "w3"], bodies)


def whispers_count_when_stored():
    """What is whispered is acknowledged when it is in the recipient's archive, too (XEP-0198)."""
    room, hank = "nook@conference.localhost", server.login("hank", "desk")
    gina = enable(server.login("gina", "phone"))
    muc.make(gina, room, "Gina")
    muc.enter(hank, room, "Hank")
    wait_for("all is settled", lambda: ask(gina) >= 2 and ask(gina) == ask(gina))
    before = ask(gina)
    gina.send(f"<message to='{room}/Hank' type='chat' id='pm'><body>pm</body><no-store xmlns='urn:xmpp:hints'/></message>")
    hank.wait("<body>pm</body>")
    wait_for("what is not stored counts", lambda: ask(gina) == before + 1)
    gina.ask("set", "<prefs xmlns='urn:xmpp:mam:2' default='never'><always/><never/></prefs>")
    before = ask(gina)
    with server.held():
        gina.send(f"<message to='{room}/Hank' type='chat' id='pn'><body>pn</body></message>")
        check("what waits for the store does not", ask(gina) == before)
    hank.wait("<body>pn</body>")
    wait_for("until it is stored", lambda: ask(gina) == before + 1)


def flood(user, count):
    """As if the account had sent so many more messages right after its last one, by copies of that row."""
    number, = server.sql(f"SELECT number FROM home_number WHERE owner = '{user}@localhost'")[0]
    last = f"owner = {number} AND id = (SELECT * FROM (SELECT MAX(id) FROM archive WHERE owner = {number}) AS last)"
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    columns = "owner, id, peer, flags, reference, dictionary, stanza"
    prepare = "" if "sqlite" in server.options["store"] else f"SET SESSION max_recursive_iterations = {count + 1}; "
    server.sql(f"{prepare}INSERT INTO archive ({columns}) {numbers} SELECT owner, id + i, peer, flags, i * 2 + 2, dictionary,"
               f" stanza FROM archive, n WHERE {last}")
    check(f"{user} has sent {count} more", int(server.sql(f"SELECT COUNT(*) FROM archive WHERE owner = {number}")[0][0]) > count)


def cost(client, to, what, count=100):
    """Processor time of the storage thread for so many messages."""
    begin = server.cpu("store")
    for i in range(count):
        client.send(message(to, f"{what}-{i}"))
        settled(client, to)
    return server.cpu("store") - begin


def busy():
    """Who sends very much within a day is not a burden for the store."""
    frank = server.login("frank")
    usual = cost(frank, "bob@localhost", "usual")
    frank.ends()
    server.stop()
    flood("frank", 60000)
    server.start()
    frank = server.login("frank")
    frank.send(message("bob@localhost", "first"))
    settled(frank, "bob@localhost")
    frank.send(message("bob@localhost", "first"))
    settled(frank, "bob@localhost")
    answer = frank.ask("set", "<query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><max>5</max><before/>"
                       "</set></query>")
    check("a repetition is still found", answer.get("type") == "result" and
          [e.find(RESULT).findtext(".//{jabber:client}body") for e in frank.take() if e.find(RESULT) is not None].count("first") == 1)
    later = cost(frank, "bob@localhost", "later")
    if "sqlite" in server.options["store"]:
        check("what is new costs what it did before", later < 4 * usual + 0.02, (usual, later))


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave", "erin", "frank", "gina", "hank")
    try:
        run(at_once, after_restart, after_kill, others, only_half, kept_by_one, to_oneself, in_a_room, whispered, whispers_count_when_stored, busy, server.stop)
    finally:
        server.kill()


main()
