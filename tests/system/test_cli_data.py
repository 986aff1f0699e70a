#!/usr/bin/env python3
"""bongsuctl and what belongs to accounts: the same contacts for many rosters, contacts of some kind in all of them, private XML,
vCards, presence. What each command does, what clients and contacts see of it, and how it fails."""
import json
from itertools import permutations

from bongsu import Server, check, run
from bongsu.cli import Cli
from bongsu.client import escape

server = Server(hosts=["localhost", "example.org"], modules={"private": {"max_elements": 2, "max_size": 2000},
                                                             "vcard": {"max_size": 2000}})
ROSTER = "<query xmlns='jabber:iq:roster'/>"
cli = Cli(server)
gives, fails, usage, wants = cli.gives, cli.fails, cli.usage, cli.wants


def written(name, text):
    """A file in the server's folder; its name from there."""
    (server.data / name).write_text(text, encoding="utf-8")
    return name


def term(*contacts):
    return "[" + ",\n ".join("{" + ", ".join(f'"{text}"' for text in contact) + "}" for contact in contacts) + "].\n"


def roster_of(user, host="localhost"):
    """jid: (nick, subscription, pending, groups)."""
    rows = json.loads(server.ctl("--json", "get_roster", user, host).out)
    return {row["jid"]: (row["nick"], row["subscription"], row["pending"], row["groups"]) for row in rows}


def pushed():
    usage(("push_roster", 3), ("push_roster_all", 1), ("push_alltoall", 2))
    alice = server.login("alice", "dev")
    alice.ask("get", ROSTER)
    alice.available("<status>here</status>")
    bob = server.login("bob", "dev")
    bob.available()
    team = written("team.txt", "% the team\n" + term(("alice", "localhost", "Team", "Alice"), ("bob", "localhost", "Team", "Bob"),
                                                     ("carol", "localhost", "", "C\u00e9 \\\"x\\\""), ("far", "away.test", "Far", "")))
    gives("push_roster", "", "push_roster", team, "alice", "localhost")
    wanted = {"bob@localhost": ("Bob", "both", "none", ["Team"]), "carol@localhost": ('C\u00e9 "x"', "both", "none", []),
              "far@away.test": ("", "both", "none", ["Far"])}
    check("the contacts are there, but not oneself", roster_of("alice") == wanted, roster_of("alice"))
    pushes = [alice.wait("^<iq [^>]*type='set'").find(".//{jabber:iq:roster}item").get("jid") for _ in range(3)]
    check("the client is told of each", sorted(pushes) == sorted(wanted), pushes)
    check("who now sees her hears that she is there", bob.wait("from='alice@localhost/dev'").text("c:status") == "here")
    check("the rosters of the contacts are as they were", roster_of("bob") == {}, roster_of("bob"))
    gives("again", "", "push_roster", team, "alice", "localhost")
    alice.sync()
    check("what is there already is not told", not [e for e in alice.came if "jabber:iq:roster" in e.raw], [*alice.came])
    gives("push_roster_all", "Changed rosters: 3\nAccounts that are not here: 1\n", "push_roster_all", team)
    check("everybody has the others", set(roster_of("bob")) == {"alice@localhost", "carol@localhost", "far@away.test"} and
          set(roster_of("carol")) == {"alice@localhost", "bob@localhost", "far@away.test"}, (roster_of("bob"), roster_of("carol")))
    check("and is seen by them", alice.wait("^<presence [^>]*from='bob@localhost/dev'"))
    server.register("u1", "u2", "u3", host="example.org")
    server.ctl("add_rosteritem", "u1", "example.org", "u2", "example.org", "Old", "Others", "none")
    gives("push_alltoall", "Changed rosters: 3\n", "push_alltoall", "example.org", "Every Body")
    for one, *others in [order for order in permutations(("u1", "u2", "u3")) if order[1] < order[2]]:
        check(f"{one} has the others", roster_of(one, "example.org") ==
              {f"{name}@example.org": (name, "both", "none", ["Every Body"]) for name in others}, roster_of(one, "example.org"))
    check("other hosts are not concerned", "u1@example.org" not in roster_of("alice"))
    server.restart()
    check("it lasts", roster_of("alice") == wanted, roster_of("alice"))
    for command, more in (("push_roster", ["alice", "localhost"]), ("push_roster_all", [])):
        for what, text, complaint in (("another file", "alice@localhost\n", "Error: bad_request: line 1: [ was expected"),
                                      ("an address that is none", term(("alice", "localhost", "", ""), ("b b", "x", "", "")),
                                       "Error: bad_request: line 2: 'b b@x' is not an address"),
                                      ("a domain", term(("", "localhost", "", "")), "line 1: '@localhost' is not an address")):
            fails(f"{command}: {what}", complaint, command, written("wrong.txt", text), *more)
        fails(f"{command}: no file", "missing.txt: No such file", command, "missing.txt", *more)
    people = [(f"p{i}", "localhost", "", "") for i in range(201)]
    fails("push_roster_all: too many", "line 201: more than 200 contacts", "push_roster_all", written("many.txt", term(*people)))
    fails("push_roster of nobody", "Error: not_found: User eve@localhost does not exist", "push_roster", team, "eve", "localhost")
    fails("push_roster of no host", "Error: not_found: ", "push_roster", team, "eve", "nowhere.test")
    fails("push_roster of no name", "Error: invalid_jid: ", "push_roster", team, "a b", "localhost")
    fails("push_alltoall of no host", "Error: not_found: ", "push_alltoall", "nowhere.test", "x")


def processed():
    usage(("process_rosteritems", 5))
    server.register("p1", "p2", "asker")
    for user, contact, domain, sub in (("p1", "a", "spam.test", "none"), ("p1", "b", "good.test", "both"),
                                       ("p2", "a", "spam.test", "to"), ("p2", "c", "spam.test", "from"),
                                       ("p2", "", "spam.test", "both")):
        server.ctl("add_rosteritem", user, "localhost", contact, domain, "", "", sub)

    def lists(what, rows, *arguments):
        done = server.ctl("process_rosteritems", *arguments)
        out = "".join(f"{user}@localhost\t{contact}\n" for user, contact in rows)
        check(what, (done.code, sorted(done.out.splitlines()), done.err) == (0, sorted(out.splitlines()), ""), done)
    spam = [("p1", "a@spam.test"), ("p2", "a@spam.test"), ("p2", "c@spam.test")]
    lists("contacts of a domain", spam, "list", "any", "any", "any", "*@spam.test")
    lists("with the domain itself", [*spam, ("p2", "spam.test")], "list", "any", "any", "any", "*@spam.test:spam.test")
    lists("of one account", [("p1", "a@spam.test"), ("p1", "b@good.test")], "list", "any", "any", "p1@localhost", "any")
    lists("of some accounts", [("p1", "b@good.test")], "list", "any", "any", "p?@localhost", "b@*")
    lists("by subscription", [spam[0], spam[1]], "list", "none:to", "any", "any", "*@spam.test")
    lists("of no account", [], "list", "any", "any", "*@nowhere.test", "any")
    asker, p1 = (server.login(name, "dev") for name in ("asker", "p1"))
    asker.ask("get", ROSTER)
    p1.available()
    asker.send("<presence type='subscribe' to='p1@localhost'/>")
    p1.wait("type='subscribe'")
    asker.wait("ask='subscribe'")
    lists("who asked", [("asker", "p1@localhost")], "list", "any", "out", "asker@*", "any")
    lists("who was asked", [("p1", "asker@localhost")], "list", "none", "in", "p1@*", "any")
    lists("who was not", [("p1", "a@spam.test")], "list", "none", "none", "p1@*", "any")
    check("JSON", json.loads(server.ctl("--json", "process_rosteritems", "list", "any", "any", "p1@*", "b@*").out) ==
          [{"user": "p1@localhost", "contact": "b@good.test"}])
    p1.ask("get", ROSTER)
    p1.take()
    lists("deleted", [("p1", "a@spam.test"), ("p1", "asker@localhost"), ("p2", "a@spam.test"), ("p2", "c@spam.test")], "delete",
          "any", "any", "p?@*", "*@spam.test:asker@*")
    check("clients are told", p1.wait("jid='a@spam.test'").find(".//{jabber:iq:roster}item").get("subscription") == "remove")
    check("who asked is told no", asker.wait("type='unsubscribed'").get("from") == "p1@localhost")
    lists("they are gone", [("p1", "b@good.test"), ("p2", "spam.test")], "list", "any", "any", "p?@*", "any")
    lists("deleted again: nothing", [], "delete", "any", "any", "p?@*", "*@spam.test")
    server.restart()
    lists("for good", [("p1", "b@good.test"), ("p2", "spam.test")], "list", "any", "any", "p?@*", "any")
    fails("a subscription that is none", "Error: bad_request: 'all' is not", "process_rosteritems", "list", "all", "any", "any", "any")
    fails("one of several", "Error: bad_request: 'to:' is not", "process_rosteritems", "list", "to:", "any", "any", "any")
    fails("a request that is none", "Error: bad_request: 'up' is not", "process_rosteritems", "list", "any", "up", "any", "any")
    wants("an action that is none", "must be list or delete", "process_rosteritems", "drop", "any", "any", "any", "any")


def private():
    usage(("private_get", 4), ("private_set", 3))
    alice = server.login("alice", "dev")
    fails("nothing is kept", "Error: not_found: no such element is kept", "private_get", "alice", "localhost", "x", "my:x")
    element = "<x xmlns='my:x' a='1'>text &amp; <y xmlns='my:y'/></x>"
    gives("private_set", "", "private_set", "alice", "localhost", element)
    gives("private_get", element + "\n", "private_get", "alice", "localhost", "x", "my:x")
    answer = alice.ask("get", "<query xmlns='jabber:iq:private'><x xmlns='my:x'/></query>")
    check("the client reads it", element in answer.raw, answer)
    alice.ask("set", "<query xmlns='jabber:iq:private'><z xmlns='my:z'>mine</z></query>")
    gives("what a client wrote", "<z xmlns='my:z'>mine</z>\n", "private_get", "alice", "localhost", "z", "my:z")
    fails("one too many", "Error: too_many: ", "private_set", "alice", "localhost", "<w xmlns='my:w'>1</w>")
    gives("another in the place of one", "", "private_set", "alice", "localhost", "<z xmlns='my:z'>ours</z>")
    gives("is it", "<z xmlns='my:z'>ours</z>\n", "private_get", "alice", "localhost", "z", "my:z")
    gives("an empty one", "", "private_set", "alice", "localhost", "<z xmlns='my:z'/>")
    fails("deletes it", "Error: not_found: ", "private_get", "alice", "localhost", "z", "my:z")
    fails("a large one", "Error: too_large: ", "private_set", "alice", "localhost", f"<z xmlns='my:z'>{'x' * 2000}</z>")
    for text in ("x", "<x", "<x xmlns='a:b'/><y xmlns='a:b'/>", "<!-- c --><x xmlns='a:b'/>", "<p:x/>"):
        fails(f"no element: {text}", "Error: bad_request: that is not one element of XML", "private_set", "alice", "localhost", text)
    for text in ("<x>1</x>", "<x xmlns='jabber:client'>1</x>", "<x xmlns='jabber:iq:private'>1</x>"):
        fails(f"no namespace of its own: {text}", "Error: bad_request: the element has no namespace of its own", "private_set",
              "alice", "localhost", text)
    bookmarks = ("<storage xmlns='storage:bookmarks'><conference jid='tea@conference.localhost' name='Tea' autojoin='1'/></storage>")
    gives("bookmarks", "", "private_set", "alice", "localhost", bookmarks)
    items = alice.ask("get", "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='urn:xmpp:bookmarks:1'/></pubsub>")
    check("are those that are published", "id='tea@conference.localhost'" in items.raw and "name='Tea'" in items.raw, items)
    done = server.ctl("private_get", "alice", "localhost", "storage", "storage:bookmarks")
    check("and are read back", done.code == 0 and "jid='tea@conference.localhost'" in done.out, done)
    fails("private_get of nobody", "Error: not_found: ", "private_get", "eve", "localhost", "x", "my:x")
    fails("private_set of nobody", "Error: not_found: ", "private_set", "eve", "localhost", element)


def vcards():
    usage(("get_vcard2_multi", 4), ("set_vcard2", 5), ("set_vcard2_multi", 5), ("set_nickname", 3))
    alice = server.login("alice", "dev")
    card = ("<vCard xmlns='vcard-temp'><FN>Alice</FN><N><GIVEN>Alice</GIVEN><FAMILY>Old</FAMILY></N>"
            "<TEL><HOME/><NUMBER>1</NUMBER></TEL><TEL><WORK/><NUMBER>2</NUMBER></TEL></vCard>")
    alice.ask("set", card)
    gives("set_vcard2", "", "set_vcard2", "alice", "localhost", "N", "FAMILY", "Liddell <3")
    gives("get_vcard2", "Liddell <3\n", "get_vcard2", "alice", "localhost", "N", "FAMILY")
    gives("what is beside it stays", "Alice\n", "get_vcard2", "alice", "localhost", "N", "GIVEN")
    gives("get_vcard2_multi: of several elements", "1\n2\n", "get_vcard2_multi", "alice", "localhost", "TEL", "NUMBER")
    gives("set_vcard2 in the first of them", "", "set_vcard2", "alice", "localhost", "TEL", "NUMBER", "3")
    gives("the other stays", "3\n2\n", "get_vcard2_multi", "alice", "localhost", "TEL", "NUMBER")
    gives("set_vcard2_multi in an element that was not there", "", "set_vcard2_multi", "alice", "localhost", "ORG", "ORGUNIT",
          "Sales,Export")
    check("JSON", json.loads(server.ctl("--json", "get_vcard2_multi", "alice", "localhost", "ORG", "ORGUNIT").out) ==
          ["Sales", "Export"])
    gives("set_vcard2 in place of them", "", "set_vcard2", "alice", "localhost", "ORG", "ORGUNIT", "Import")
    gives("is the only one", "Import\n", "get_vcard2_multi", "alice", "localhost", "ORG", "ORGUNIT")
    gives("set_vcard2_multi of nothing", "", "set_vcard2_multi", "alice", "localhost", "ORG", "ORGUNIT", "")
    fails("and the element is gone", "Error: not_found: the vCard has no such element", "get_vcard", "alice", "localhost", "ORG")
    gives("set_nickname", "", "set_nickname", "alice", "localhost", "Ali")
    answer = alice.ask("get", "<vCard xmlns='vcard-temp'/>")
    got = [(x.tag.partition("}")[2], "".join(x.itertext())) for x in answer.find("{vcard-temp}vCard")]
    check("the client sees all of it", got == [("FN", "Alice"), ("N", "AliceLiddell <3"), ("TEL", "3"), ("TEL", "2"),
                                               ("NICKNAME", "Ali")], answer)
    gives("set_nickname of nothing", "", "set_nickname", "alice", "localhost", "")
    fails("it is gone", "Error: not_found: ", "get_vcard", "alice", "localhost", "NICKNAME")
    fails("get_vcard2_multi of nothing", "Error: not_found: ", "get_vcard2_multi", "alice", "localhost", "EMAIL", "USERID")
    fails("a card that would be too big", "Error: too_large: ", "set_vcard2", "alice", "localhost", "N", "FAMILY", "x" * 2000)
    fails("a name that is none", "Error: bad_request: 'a b' is not the name", "set_vcard2", "alice", "localhost", "a b", "X", "y")
    fails("a name in it that is none", "Error: bad_request: '<' is not the name", "set_vcard2_multi", "alice", "localhost", "N", "<",
          "y")
    for command, more in (("get_vcard2_multi", ["N", "FAMILY"]), ("set_vcard2", ["N", "FAMILY", "x"]),
                          ("set_vcard2_multi", ["N", "FAMILY", "x"]), ("set_nickname", ["x"])):
        fails(f"{command} of nobody", "Error: not_found: ", command, "eve", "localhost", *more)


def presences():
    usage(("set_presence", 7))
    server.ctl("add_rosteritem", "alice", "localhost", "bob", "localhost", "", "", "both")
    server.ctl("add_rosteritem", "bob", "localhost", "alice", "localhost", "", "", "both")
    alice, bob = (server.login(name, "dev") for name in ("alice", "bob"))
    bob.available()
    caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:test' ver='x'/>"
    alice.available(f"<show>xa</show><status>own</status><priority>3</priority>{caps}")
    bob.wait("<status>own</status>")
    gives("set_presence", "", "set_presence", "alice", "localhost", "dev", "available", "dnd", "In a <meeting>", "-5")
    got = bob.wait("from='alice@localhost/dev'[^>]*><show>dnd")
    check("contacts see it, once", (got.text("c:status"), got.text("c:priority")) == ("In a <meeting>", "-5") and
          got.raw.count("<show>") == 1, got)
    check("with what else the client said", escape("urn:test") in got.raw and "caps" in got.raw, got)
    gives("get_presence", "alice@localhost/dev\tdnd\tIn a <meeting>\n", "get_presence", "alice", "localhost")
    gives("without a show and a text", "", "set_presence", "alice", "localhost", "dev", "available", "available", "", "0")
    got = bob.wait("<presence [^>]*from='alice@localhost/dev'")
    check("there is neither", got.find("c:show") is None and got.find("c:status") is None and got.find("c:priority") is None, got)
    alice.send("<presence><show>away</show></presence>")
    check("the client's next one counts", bob.wait("<presence [^>]*from='alice@localhost/dev'").text("c:show") == "away")
    gives("unavailable", "", "set_presence", "alice", "localhost", "dev", "unavailable", "available", "Gone", "0")
    got = bob.wait("<presence [^>]*from='alice@localhost/dev'")
    check("contacts see that", (got.get("type"), got.text("c:status")) == ("unavailable", "Gone"), got)
    gives("again: nothing happens", "", "set_presence", "alice", "localhost", "dev", "unavailable", "available", "Gone", "0")
    gives("the session is still there", "dev\n", "user_resources", "alice", "localhost")
    gives("and available again", "", "set_presence", "alice", "localhost", "dev", "available", "chat", "", "1")
    check("of which contacts hear", bob.wait("<presence [^>]*from='alice@localhost/dev'").text("c:show") == "chat")
    fails("of no session", "Error: not_found: alice@localhost has no session boat", "set_presence", "alice", "localhost", "boat",
          "available", "away", "", "0")
    fails("of nobody", "Error: not_found: ", "set_presence", "eve", "localhost", "dev", "available", "away", "", "0")
    wants("a type that is none", "must be available or unavailable", "set_presence", "alice", "localhost", "dev", "probe", "away", "", "0")
    wants("a show that is none", "must be available, away, chat, dnd or xa", "set_presence", "alice", "localhost", "dev", "available", "busy",
          "", "0")
    wants("a priority that is none", "from -128 to 127", "set_presence", "alice", "localhost", "dev", "available", "away", "", "128")


def main():
    server.start()
    server.register("alice", "bob", "carol")
    run(pushed, processed, private, vcards, presences)


try:
    main()
finally:
    server.kill()
