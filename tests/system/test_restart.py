#!/usr/bin/env python3
"""A server is restarted for an upgrade, and its users do not notice: sessions with stream management are resumed.

By bongsuctl restart (the same process executes the program again) and by a stop and a start, as a service manager does.
"""
import re
import time

from bongsu import Server, check, pep, run, wait_for
from bongsu.sm import ack, ask_resume, enable, is_sm, ready, received, resume, watch

CARBONS = "<enable xmlns='urn:xmpp:carbons:2'/>"
INNER = "{urn:xmpp:carbons:2}received/{urn:xmpp:forward:0}forwarded/c:message"
server = Server()


def by_ctl():
    """bongsuctl restart."""
    begin = server.log_path.stat().st_size
    pid = server.process.pid
    check("bongsuctl restart", server.ctl("restart") == (0, "", ""))
    server.begin = begin
    line = server.wait_log(r" ready:(.*)\n")
    server.ports = dict(zip(server.listen, (int(port) for port in re.findall(r" port (\d+)", line[1]))))
    check("it is the same process", server.process.pid == pid and server.process.poll() is None)


def by_manager():
    """SIGTERM and a new process."""
    server.restart()


def bodies(client, count):
    return [client.wait(lambda e: e.name == "message" and e.text("c:body")).text("c:body") for _ in range(count)]


def say(client, to, *texts):
    for text in texts:
        client.send(f"<message to='{to}' type='chat'><body>{text}</body></message>")
    return client


def shut_down(client):
    return client.ended() == "system-shutdown"


def nothing_is_missing(how):
    alice, bob = enable(server.login("alice", "phone")), enable(server.login("bob", "desk"))
    alice.ask("get", "<query xmlns='jabber:iq:roster'/>")
    check("carbons", alice.ask("set", CARBONS).get("type") == "result")
    alice.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>")
    alice.available("<priority>7</priority><show>away</show>")
    bob.available()
    bob.wait(lambda e: e.name == "presence" and e.get("from") == alice.jid)
    alice.send("<presence to='carol@localhost/x'/>")
    alice.sync()
    say(bob, alice.jid, "1", "2", "3")
    check("messages come", bodies(alice, 3) == ["1", "2", "3"])
    h = received(alice) - 2
    ack(alice, h)
    say(alice, bob.jid, "to bob")
    bodies(bob, 1)
    ack(bob)
    bob.sync()
    alice.sync()
    bob.take()
    how()
    check("clients are told", shut_down(alice) and shut_down(bob))
    bob = resume(server, bob)
    check("one is resumed", bob.resumed.name == "resumed", bob.resumed)
    say(bob, "alice@localhost", "4")
    bob.sync()
    check("and did not see the other leave", not [e for e in bob.came if e.get("type") == "unavailable"], bob.came)
    alice = resume(server, alice, h)
    check("and the other", alice.resumed.name == "resumed", alice.resumed)
    got = bodies(alice, 3)
    check("what was not acknowledged comes again, and what came since", got == ["2", "3", "4"], got)
    check("the count of what it sent is right", alice.resumed.get("h") == "8", alice.resumed)
    info = server.ctl("user_sessions_info", "alice", "localhost").out
    check("presence and priority are as they were", "\t7\t" in info and "\taway\t" in info, info)
    server.ctl("add_rosteritem", "alice", "localhost", "eve", "localhost", "eve", "", "none")
    check("it gets roster pushes", alice.wait("<item [^>]*eve@localhost"))
    tablet = server.login("alice", "tablet")
    tablet.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='eve@localhost'/></block>")
    check("and pushes of the block list", alice.wait("<block "))
    say(bob, tablet.jid, "copy")
    check("and copies", alice.wait(lambda e: e.find(INNER) is not None))
    tablet.ask("set", "<unblock xmlns='urn:xmpp:blocking'/>")
    tablet.ends()
    alice.sync()
    ack(alice)  # or it waits for the next login
    server.ctl("delete_rosteritem", "alice", "localhost", "eve", "localhost")
    carol = server.login("carol", "x")
    carol.available()
    alice.ends()
    check("who was told of it directly is told of the end",
          carol.wait(lambda e: e.get("type") == "unavailable" and e.get("from") == alice.jid))
    check("contacts too", bob.wait(lambda e: e.get("type") == "unavailable").get("from") == alice.jid)
    carol.ends()
    bob.ends()


def those_that_wait(how):
    """Sessions that wait already, and several devices of one user with the same message."""
    bob = server.login("bob", "r")
    phone, tablet = (enable(server.login("alice", name), more=" max='8'") for name in ("phone", "tablet"))
    for client in (phone, tablet):
        client.available()
        ack(client.sync())
        client.sync()
        ack(client)
        client.close()
    plain = server.login("alice", "plain")
    server.wait_log("waits to be resumed")
    say(bob, "alice@localhost", "for both", "too").sync()
    say(bob, phone.jid, "for the phone").sync()
    how()
    check("the connected are told", shut_down(plain) and shut_down(bob))
    tablet = resume(server, tablet)
    check("one device resumes and gets all of it", bodies(tablet, 2) == ["for both", "too"])
    ack(tablet)
    tablet.sync()
    ack(tablet)
    check("what only the other was given comes when that is given up", bodies(tablet, 1) == ["for the phone"])
    tablet.sync()
    check("once, and nothing that it had", not [e for e in tablet.take() if e.name == "message"])
    check("a session without stream management is gone",
          server.ctl("user_resources", "alice", "localhost").out == "tablet\n")
    ack(tablet)
    tablet.ends()


def nobody_comes_back(how):
    bob = server.login("bob", "r")
    phone, tablet = (enable(server.login("alice", name), more=" max='3'") for name in ("phone", "tablet"))
    for client in (phone, tablet):
        client.available()
        client.sync()
        ack(client)
        client.close()
    say(bob, "alice@localhost", *(str(n) for n in range(50))).sync()
    how()
    wait_for("the sessions end", lambda: not server.ctl("user_resources", "alice", "localhost").out)
    late = server.login("alice", "late")
    late.available()
    say(late, late.bare, "the end")
    got = []
    while not got or got[-1] != "the end":
        got += bodies(late, 1)
    check("their messages wait, once and in order", got == [*(str(n) for n in range(50)), "the end"], got)
    late.ends()
    answer = ask_resume(ready(server, "alice"), phone.sm, 0)
    check("they cannot be resumed any more", answer.name == "failed" and answer.get("h") is not None, answer)


def rooms(how):
    """Nobody leaves a room, and what is said right after the restart reaches all, whoever is back."""
    room = "room@conference.localhost"
    join = f"<presence to='{room}/%s'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>"
    alice, bob = enable(server.login("alice", "phone")), enable(server.login("bob", "desk"))
    for client, nick in ((alice, "A"), (bob, "B")):
        client.send(join % nick)
        client.wait("<subject")
        if nick == "A":
            client.ask("set", "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/>"
                       "</query>", to=room)
    guest = server.login("carol", "x")
    guest.send(join % "C")
    guest.wait("<subject")
    for client in (alice, bob):
        client.sync()
        ack(client)
        client.sync()
        client.take()
    how()
    shut_down(alice), shut_down(bob), shut_down(guest)
    bob = resume(server, bob)
    bob.send(f"<message to='{room}' type='groupchat'><body>still here</body></message>")
    check("what is said comes back", bob.wait("still here").get("from") == f"{room}/B")
    alice = resume(server, alice)
    check("and reaches who is back later", alice.wait("still here").get("from") == f"{room}/B")
    for client in (alice, bob):
        client.sync()
        gone = [e.get("from") for e in client.take() if e.name == "presence"]
        check("only who had no stream management left", set(gone) <= {f"{room}/C"}, gone)
    alice.send(f"<presence to='{room}/A' type='unavailable'/>")
    check("who leaves then is seen to leave", bob.wait(lambda e: e.get("type") == "unavailable" and
                                                       e.get("from") == f"{room}/A"))
    ack(alice).ends()
    ack(bob).ends()


def events_of_contacts(how):
    """Devices that wanted events (XEP-0163) still get them: those of before they are back, those of after, each once."""
    tune, mood = "http://jabber.org/protocol/tune", "urn:example:mood"
    song = "<a xmlns='urn:example'>{}</a>"

    def publish(node, text):
        answer = pep.publish(pad, node, song.format(text), "1")
        assert answer.get("type") == "result", answer

    def texts(client, count):
        return [pep.event(client, node)[0].text for node in [tune, mood] * count]
    pad = server.login("alice", "pad")
    publish(tune, "old tune")
    publish(mood, "old mood")
    phone, desk = (pep.device(server, user, name, tune, mood) for user, name in (("alice", "phone"), ("bob", "desk")))
    for client in (phone, desk):
        enable(client)
        client.available(client.caps())
        check(f"{client.jid} is greeted with what is newest", texts(client, 1) == ["old tune", "old mood"])
        client.sync()
        ack(client)
    for client in (phone, desk, pad):
        client.sync()
    how()
    pad = server.login("alice", "pad")
    publish(tune, "tune while away")
    publish(mood, "mood while away")
    again = []
    for client in (phone, desk):
        back = pep.Device(server.ports["plain"], tune, mood)
        back.open()
        back.authenticate(client.bare.partition("@")[0], "secret")
        back.open()
        watch(back, received(client))
        back.resumed = ask_resume(back, client.sm, received(client))
        back.jid = client.jid
        check(f"{client.jid} is resumed", back.resumed.name == "resumed", back.resumed)
        got = texts(back, 1)
        check(f"{client.jid} hears what was published before it was back", got == ["tune while away", "mood while away"], got)
        check(f"{client.jid} was asked at most once what it wants", back.asked <= 1, back.asked)
        again.append(back)
    publish(tune, "new tune")
    publish(mood, "new mood")
    for client in again:
        got = texts(client, 1)
        check(f"{client.jid} hears what is published now", got == ["new tune", "new mood"], got)
        client.sync()
        check(f"{client.jid} hears nothing twice", pep.events(client) == [], pep.events(client))
        ack(client).ends()
    pad.ends()


def damaged():
    """Rows of sessions that somebody damaged while the server was down are sessions less, and no more than that."""
    harms = {"sound": "max = max", "nothing": "queue = 'nothing'", "long": "queue = '3 0 999999\n<message/>'",
             "never": "max = -5", "ages": "max = 9000000000000000000", "nameless": "resource = ''", "numberless": "id = ''",
             "same": "resource = 'sound'", "wrong": "resource = '\x01'", "noise": "presence = '<iq'",
             "other": "presence = '<iq xmlns=''jabber:client'' type=''set'' id=''1''><x xmlns=''y''/></iq>'",
             "places": "directed = 'a@b@c\n\n//', marks = 'x\n\ny'"}
    bob = server.login("bob", "r")
    clients = {name: enable(server.login("alice", name)) for name in harms}
    for name, client in clients.items():
        client.available()
        client.sync()
        ack(client)
        say(bob, client.jid, name).sync()
    server.stop()
    for name, harm in harms.items():
        server.sql(f"UPDATE kept_session SET {harm} WHERE owner = 'alice@localhost' AND resource = '{name}'")
    server.start()
    kept = set(server.ctl("user_resources", "alice", "localhost").out.split())
    check("those that are sound, or nearly, are there", kept == {"sound", "noise", "other", "places"}, kept)
    check("the log says that others are not", "a session that was kept for the restart is damaged" in server.log(),
          server.log()[-3000:])
    for name in sorted(kept):
        again = resume(server, clients[name])
        check(f"{name} is resumed, with its message", again.resumed.name == "resumed" and name in bodies(again, 1), again.resumed)
        ack(again.sync()).ends()
    client = ready(server, "alice")
    check("a damaged one is not known", ask_resume(client, clients["never"].sm, 0).name == "failed")
    client.close()


def twice(how):
    """A session that nobody resumed in between."""
    phone = enable(server.login("alice", "phone"))
    phone.available()
    bob = server.login("bob", "r")
    bob.available()
    phone.sync()
    ack(phone)
    count = received(phone)
    for text in ("a", "b"):
        say(bob, phone.jid, text).sync()
        how()
        bob = server.login("bob", "r")
        bob.available()
    again = resume(server, phone, count)
    check("a session outlives two restarts", again.resumed.name == "resumed", again.resumed)
    check("with all messages", bodies(again, 2) == ["a", "b"])
    again.send("<r xmlns='urn:xmpp:sm:3'/>")
    again.wait(is_sm("a"))
    ack(again)
    again.ends()
    bob.ends()


def reader(how):
    """A session that read the history, and becomes available only after the restart."""
    bob = server.login("bob", "r")
    say(bob, "carol@localhost", "read").sync()
    carol = enable(server.login("carol", "reader"))
    carol.ask("set", "<query xmlns='urn:xmpp:mam:2'/>")
    carol.sync()
    ack(carol)
    how()
    check("it is told", shut_down(carol))
    carol = resume(server, carol)
    carol.available()
    say(carol, carol.bare, "the end")
    check("it does not get again what it read", bodies(carol, 1) == ["the end"])
    ack(carol.sync())
    carol.ends()


def late_twice(how):
    """What came late and was not acknowledged goes to another device after the restart."""
    bob = server.login("bob", "r")
    say(bob, "erin@localhost", "late").sync()
    phone = enable(server.login("erin", "phone"), more=" max='3'")
    phone.available()
    check("it comes", bodies(phone, 1) == ["late"])
    phone.close()
    server.wait_log("waits to be resumed")
    how()
    tablet = server.login("erin", "tablet")
    tablet.available()
    got = tablet.wait(lambda e: e.name == "message" and e.text("c:body"))
    check("and comes to the other, with the time at which it came", got.text("c:body") == "late" and
          len(got.all("{urn:xmpp:delay}delay")) == 1, got)
    tablet.ends()


def many(how):
    """More sessions than are loaded at a time."""
    names = [f"u{n}" for n in range(70)]
    server.register(*names)
    clients = [enable(server.login(name, "r")) for name in names]
    for client in clients:
        client.available()
    for client, other in zip(clients, clients[1:] + clients[:1]):
        say(client, other.jid, f"from {client.jid}")
    for client in clients:
        client.sync()
    how()
    begin = time.monotonic()
    again = [resume(server, client, 1) for client in clients]
    print(f"     resumed {len(again)} sessions in {time.monotonic() - begin:.1f} s", flush=True)
    check("all are resumed", all(c.resumed.name == "resumed" for c in again), [c.resumed for c in again])
    check("all have their message", all(bodies(c, 1) == [f"from {o.jid}"] for c, o in zip(again, again[-1:] + again[:-1])))
    for client in again:
        client.ends()


def begin_and_end(part, how):
    def both():
        part(how)
    both.__name__ = f"{part.__name__} {how.__doc__}"
    return both


def start():
    server.start()
    server.register("alice", "bob", "carol", "erin")
    for one, other in (("alice", "bob"), ("bob", "alice")):
        server.ctl("add_rosteritem", one, "localhost", other, "localhost", other, "", "both")


def over():
    server.stop()


PARTS = (nothing_is_missing, those_that_wait, nobody_comes_back, rooms, events_of_contacts, twice, reader)
run(start, *(begin_and_end(part, how) for how in (by_ctl, by_manager) for part in PARTS),
    damaged, begin_and_end(late_twice, by_manager), begin_and_end(many, by_ctl), over)
