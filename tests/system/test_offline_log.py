#!/usr/bin/env python3
"""Offline messages and the archive are one log: the same ids, nothing twice, nothing lost by kill -9.

timeout: 240
"""
import time

from bongsu import Server, check, run, wait_for
from bongsu.sm import enable

DELAY = "{urn:xmpp:delay}delay"
SID = "{urn:xmpp:sid:0}stanza-id"
RESULT = "{urn:xmpp:mam:2}result"
QUERY = "<query xmlns='urn:xmpp:mam:2'/>"
server = Server(c2s={"max_unacked": 500})


def say(client, to, *bodies, more=""):
    """Sends them; they are settled when it returns."""
    for body in bodies:
        client.send(f"<message to='{to}' type='chat' id='{body}'><body>{body}</body>{more}</message>")
    client.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=to.partition("/")[0])


def history(client):
    """Ids of the archive by body."""
    client.ask("set", QUERY)
    results = [e.find(RESULT) for e in client.take() if e.find(RESULT) is not None]
    return {r.findtext(".//{jabber:client}body"): r.get("id") for r in results}


def waiting(user):
    """What a client that knows no archive gets, until something it sent itself comes back."""
    client = server.login(user, "legacy")
    client.available()
    client.send(f"<message to='{client.jid}' id='end' type='chat'><body>end</body>"
                "<no-permanent-store xmlns='urn:xmpp:hints'/></message>")
    got = []
    while not got or got[-1].get("id") != "end":
        got.append(client.wait(lambda e: e.name == "message"))
    client.ends()
    return got[:-1]


def ids(messages):
    return [m.get("id") for m in messages]


def count(user):
    return server.ctl("get_offline_count", user, "localhost").out


def same_ids():
    alice = server.login("alice")
    say(alice, "bob@localhost", "1", "2", "3")
    check("they are counted", count("bob") == "3\n", count("bob"))
    server.kill()
    server.start()
    got = waiting("bob")
    check("they wait, also after kill -9", ids(got) == ["1", "2", "3"], got)
    check("with their time", all(m.find(DELAY).get("from") == "localhost" for m in got), got)
    archived = history(server.login("bob"))
    check("under the ids that the archive has", [m.find(SID).get("id") for m in got] == [*archived.values()], (got, archived))
    check("they are counted no more", count("bob") == "0\n", count("bob"))
    check("nor given again", waiting("bob") == [])
    server.restart()
    check("nor after a restart", waiting("bob") == [])


def readers():
    """Who read the history before becoming available has them; nobody gets them again."""
    alice = server.login("alice")
    say(alice, "carol@localhost", "1", "2")
    carol = server.login("carol")
    check("the history has them", [*history(carol)] == ["1", "2"])
    carol.available()
    say(alice, "carol@localhost", "3")
    got = [carol.wait(lambda e: e.name == "message")]
    check("only what is new is sent", ids(got) == ["3"] and got[0].find(DELAY) is None and not carol.take(), got)
    carol.ends()
    check("nothing waits for others", waiting("carol") == [])
    say(alice, "carol@localhost", "4")
    other = server.login("carol")
    other.ask("set", "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
              "urn:xmpp:mam:2</value></field><field var='with'><value>alice@localhost</value></field></x></query>")
    other.take()
    other.available()
    check("who read one conversation does not have all", ids([other.wait(lambda e: e.name == "message")]) == ["4"])
    other.ends()


def part_of_it():
    """Who only counts, or reads from some time on, has not read what was before."""
    query = "<query xmlns='urn:xmpp:mam:2'>%s</query>"
    form = ("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>"
            "<field var='start'><value>%s</value></field></x>")
    count = query % "<set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set>"
    alice = server.login("alice")
    for what, text in (("counts", count), ("reads from tomorrow on", query % form % "2100-01-01T00:00:00Z")):
        user = f"part{len(text)}"
        server.register(user)
        say(alice, f"{user}@localhost", "one", "two")
        client = server.login(user, "reader")
        client.ask("set", text)
        client.available()
        got = [client.wait(lambda e: e.name == "message").text("c:body") for _ in range(2)]
        check(f"who {what} gets all that waits", got == ["one", "two"], got)
        client.ends()
    server.register("half")
    say(alice, "half@localhost", "one")
    time.sleep(0.01)  # so that their times differ
    say(alice, "half@localhost", "two")
    client = server.login("half", "another")
    client.ask("set", query % "")
    stamps = [e.find(".//{urn:xmpp:delay}delay").get("stamp") for e in client.take() if e.name == "message"]
    client.ends()
    client = server.login("half", "reader")
    client.ask("set", query % form % stamps[1])
    check("a part of the history", [e.text(".//c:body") for e in client.take()] == ["two"])
    client.available()
    say(client, client.bare, "end")
    got = [client.wait(lambda e: e.name == "message").text("c:body") for _ in range(2)]
    check("only the rest of it is handed out", got == ["one", "end"], got)


def copied():
    """Who got a copy (XEP-0280) before becoming available has it, unless the copy was never acknowledged."""
    alice = server.login("alice")
    for what, begin in (("without acks", lambda c: c), ("with acks", enable)):
        client = begin(server.login("kate", "phone"))
        client.ask("set", "<enable xmlns='urn:xmpp:carbons:2'/>")
        say(alice, "kate@localhost", "copied")
        say(alice, "kate@localhost", "not in the archive", more="<no-permanent-store xmlns='urn:xmpp:hints'/>")
        for _ in range(2):
            client.wait("urn:xmpp:carbons:2")
        client.available()
        say(client, client.jid, "last", more="<no-permanent-store xmlns='urn:xmpp:hints'/>")
        got = [client.wait(lambda e: e.name == "message")]
        check(f"{what}: a copy that came is not repeated", got[0].text("c:body") == "last", got)
        if begin is enable:
            server.ctl("kick_user", "kate", "localhost")
            wait_for("all of it waits again", lambda: count("kate").strip() == "3")
            bodies = sorted(m.text("c:body") for m in waiting("kate"))
            check("but goes to the next one if it was not acknowledged", bodies == ["copied", "last", "not in the archive"], bodies)
        else:
            client.ends()
        check(f"{what}: then nothing waits", waiting("kate") == [] and count("kate").strip() == "0", count("kate"))


def between():
    """What comes after the history was read and before the client is available is handed out to it."""
    alice, heidi = server.login("alice"), server.login("heidi")
    say(alice, "heidi@localhost", "1")
    check("the history has one", [*history(heidi)] == ["1"])
    say(alice, "heidi@localhost", "2")
    heidi.available()
    check("the next comes late", ids([heidi.wait(lambda e: e.name == "message")]) == ["2"])
    check("and nothing else", not heidi.sync().take())
    heidi.ends()
    check("nothing is left", waiting("heidi") == [])


def given_back():
    """What was handed out and never acknowledged is there for the next one, again and again."""
    alice = server.login("alice")
    say(alice, "ivan@localhost", "1", "2")
    for turn in range(3):
        phone = enable(server.login("ivan", "phone"))
        phone.available()
        got = ids([phone.wait(lambda e: e.name == "message") for _ in range(2)])
        check(f"turn {turn}: both come", got == ["1", "2"], got)
        phone.ends()
        wait_for(f"turn {turn}: and wait again", lambda: count("ivan") == "2\n")
    check("until somebody takes them", ids(waiting("ivan")) == ["1", "2"])
    check("nothing is left", waiting("ivan") == [])


def meanwhile():
    """While the rest of what waits is for a client that must come back first, what names another one goes there, once."""
    alice = server.login("alice")
    say(alice, "judy@localhost", *(str(n) for n in range(300)))
    phone = enable(server.login("judy", "phone"))
    phone.available()
    while phone.wait(lambda e: e.name == "message").get("id") != "64":
        pass
    phone.close()
    server.wait_log("judy@localhost/phone(.|\n)*waits to be resumed")
    desk = server.login("judy", "desk")
    say(alice, desk.jid, "direct")
    check("it comes at once", ids([desk.wait(lambda e: e.name == "message")]) == ["direct"])
    desk.available()
    desk.send(f"<message to='{desk.jid}' id='end' type='chat'><no-store xmlns='urn:xmpp:hints'/><body/></message>")
    say(alice, "judy@localhost", "last")
    got = []
    while not got or got[-1] != "last":
        got.append(desk.wait(lambda e: e.name == "message").get("id"))
    check("and not again", "direct" not in got, got)
    desk.ends()


def not_archived():
    """What is not in the archive waits too, in its place."""
    alice = server.login("alice")
    say(alice, "dave@localhost", "1")
    say(alice, "dave@localhost", "2", more="<no-permanent-store xmlns='urn:xmpp:hints'/>")
    say(alice, "dave@localhost", "3")
    check("all are counted", count("dave") == "3\n", count("dave"))
    server.kill()
    server.start()
    got = waiting("dave")
    check("both kinds wait, in order", ids(got) == ["1", "2", "3"], got)
    alice = server.login("alice")
    dave = server.login("dave")
    say(alice, "dave@localhost", "4")
    say(alice, "dave@localhost", "5", more="<no-permanent-store xmlns='urn:xmpp:hints'/>")
    check("the history has one", [*history(dave)] == ["1", "3", "4"])
    dave.available()
    got = [dave.wait(lambda e: e.name == "message")]
    check("who reads it still gets what is not in it", ids(got) == ["5"] and not dave.sync().take(), got)
    check("with the time at which it came", got[0].find(DELAY) is not None, got)
    dave.ends()
    check("nothing is left", waiting("dave") == [])


def beside():
    """A later message goes to a session that takes nothing else: the earlier ones wait on."""
    alice, erin = server.login("alice"), server.login("erin", "quiet")
    say(alice, "erin@localhost", "1", "2")
    say(alice, erin.jid, "3")
    check("a session without presence gets what names it", ids([erin.wait(lambda e: e.name == "message")]) == ["3"])
    say(alice, "erin@localhost", "4")
    say(alice, erin.jid, "5")
    erin.wait("id='5'")
    erin.ends()
    server.restart()
    check("the others wait, once and in order", ids(waiting("erin")) == ["1", "2", "4"])
    check("and are gone then", waiting("erin") == [])


def many():
    """More than a page, while new ones come from others."""
    alice = server.login("alice")
    say(alice, "frank@localhost", *(str(n) for n in range(300)))
    frank = server.login("frank")
    frank.send("<presence/>")
    alice.send("".join(f"<message to='frank@localhost' type='chat' id='{n}'><body>{n}</body></message>" for n in range(300, 400)))
    got = [frank.wait(lambda e: e.name == "message") for _ in range(400)]
    check("all come once and in order", ids(got) == [str(n) for n in range(400)], ids(got))
    check("only the old ones are late", all(m.find(DELAY) is not None for m in got[:300]), got[:300])
    frank.ends()
    check("nothing is left", waiting("frank") == [])


def retracted():
    alice = server.login("alice")
    say(alice, "grace@localhost", "1", "2")
    alice.send("<message to='grace@localhost' type='chat' id='3'><retract id='1' xmlns='urn:xmpp:message-retract:1'/></message>")
    alice.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to="grace@localhost")
    grace = server.login("grace")
    while "1" in history(grace):
        pass
    grace.ends()
    check("what was retracted is not handed out", ids(waiting("grace")) == ["2", "3"])


def main():
    server.start()
    server.register("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kate")
    try:
        run(same_ids, readers, part_of_it, copied, between, given_back, meanwhile, not_archived, beside, many, retracted, server.stop)
    finally:
        server.kill()


main()
