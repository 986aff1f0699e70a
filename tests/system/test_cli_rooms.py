#!/usr/bin/env python3
"""bongsuctl and many rooms: files of rooms, patterns, nicks that are reserved. What each command does, and how it fails."""
import json
from pathlib import Path

from bongsu import Server, check, run, wait_for
from bongsu.cli import Cli
from bongsu import muc
from bongsu.muc import enter, leave, listed, make, presence, refusal
from bongsu.server import STORE

server = Server(hosts=["localhost", "example.org", {"name": "plain.test", "modules": {"muc": False}}])
SERVICE = "conference.localhost"
OTHER = "conference.example.org"
cli = Cli(server)
gives, fails, usage = cli.gives, cli.fails, cli.usage


def written(name, text):
    """A file in the server's folder; its name from there."""
    (server.data / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def rooms_of(service):
    return server.ctl("muc_online_rooms", service).out.split()


def files():
    usage(("create_rooms_file", 1), ("destroy_rooms_file", 1))
    names = [f"room{i}@{SERVICE}" for i in range(30)] + [f"elsewhere@{OTHER}"]
    path = written("rooms.txt", "# rooms of the first year\n\n" + "\r\n".join(names) + f"\n  Spaced@{SERVICE.upper()}  \n")
    gives("create_rooms_file", "Created rooms: 32\n", "create_rooms_file", path)
    check("they are there", sorted(rooms_of("global")) == sorted([*names, f"spaced@{SERVICE}"]), rooms_of("global"))
    server.ctl("create_room", "single", SERVICE, "localhost")
    check("and are as create_room makes them", server.ctl("get_room_options", "room7", SERVICE).out ==
          server.ctl("get_room_options", "single", SERVICE).out != "")
    server.ctl("destroy_room", "single", SERVICE)
    alice, bob = (server.login(name, "dev") for name in ("alice", "bob"))
    enter(alice, names[0], "Alice")
    gives("again: what is there stays", "Created rooms: 1\nRooms that were there: 2\n", "create_rooms_file",
          str(Path(server.data / written("more.txt", f"{names[0]}\nnew@{SERVICE}\n{names[0]}")).resolve()))
    check("with who is in it", not [e for e in alice.take() if e.get("type") == "unavailable"])
    check("as text in JSON", json.loads(server.ctl("--json", "create_rooms_file", "more.txt").out) ==
          "Created rooms: 0\nRooms that were there: 3")
    gives("an empty file", "Created rooms: 0\n", "create_rooms_file", written("empty.txt", ""))

    for command in ("create_rooms_file", "destroy_rooms_file"):
        for what, text, complaint in (
                ("a line that is no address", f"good@{SERVICE}\n\n@\n", "Error: bad_request: line 3 is not the address"),
                ("a service", f"{SERVICE}\n", "Error: bad_request: line 1 is not the address of a room"),
                ("a place in a room", f"a@{SERVICE}/b\n", "Error: bad_request: line 1 is not the address of a room"),
                ("an account", "alice@localhost\n", "line 1 is at a domain that has no rooms"),
                ("a host without rooms", "a@conference.plain.test\n", "line 1 is at a domain that has no rooms"),
                ("bytes that are no text", b"a\xff@conference.localhost\n", "line 1 is not UTF-8"),
                ("a NUL", f"good@{SERVICE}\0\n", "line 1 is not UTF-8"),
                ("a file that is too large", "#" * (1024 * 1024) + "\n", "Error: file: ")):
            fails(f"{command}: {what}", complaint, command, written("wrong.txt", text))
        fails(f"{command}: no file", "No such file", command, "missing.txt")
        fails(f"{command}: a folder", "Error: file: ", command, ".")
    check("nothing was made by those", f"good@{SERVICE}" not in rooms_of(SERVICE))

    make(bob, f"stays@{SERVICE}", "Bob")
    gives("destroy_rooms_file", "Destroyed rooms: 32\n", "destroy_rooms_file", path)
    check("who is in one hears it", presence(alice, names[0], "Alice", "unavailable").find(f"{muc.USER}x/{muc.USER}destroy")
          is not None)
    check("others stay", sorted(rooms_of("global")) == [f"new@{SERVICE}", f"stays@{SERVICE}"], rooms_of("global"))
    gives("again: there is nothing to do", "Destroyed rooms: 0\nRooms that were not there: 32\n", "destroy_rooms_file", path)
    server.ctl("destroy_room", "new", SERVICE)
    server.ctl("destroy_room", "stays", SERVICE)


def store_away():
    """What could not be written was not made, and can be made when the store is back."""
    server.configure(store=STORE.replace("{", "{timeout: 3s, ", 1))
    server.restart()
    path = written("rooms.txt", f"late@{SERVICE}\nlater@{SERVICE}\n")
    with server.held("muc_room READ"):
        for command in (["create_room", "late", SERVICE, "localhost"], ["create_rooms_file", path]):
            fails(f"{command[0]} without the store", "Error: unavailable: the store is away", *command)
    wait_for("they can be made afterwards", lambda: server.ctl("create_rooms_file", path).code == 0)
    server.configure(store=STORE)
    server.restart()
    check("both", rooms_of(SERVICE) == [f"late@{SERVICE}", f"later@{SERVICE}"], rooms_of(SERVICE))
    gives("and destroyed", "Destroyed rooms: 2\n", "destroy_rooms_file", path)


def patterns():
    usage(("muc_online_rooms_by_regex", 2))
    names = [f"team-{i}" for i in range(1, 12)] + ["lounge", "conference"]
    server.ctl("create_rooms_file", written("rooms.txt", "\n".join(f"{name}@{SERVICE}" for name in names)))
    server.ctl("change_room_option", "team-2", SERVICE, "public", "false")
    alice, bob = (server.login(name, "dev") for name in ("alice", "bob"))
    for client, nick in ((alice, "A"), (bob, "B")):
        enter(client, f"team-1@{SERVICE}", nick)

    def rows(*found):
        return "".join(f"{name}@{SERVICE}\t{public}\t{count}\n" for name, public, count in found)
    gives("the beginning of names", rows(("team-10", "true", 0), ("team-11", "true", 0), ("team-1", "true", 2)),
          "muc_online_rooms_by_regex", SERVICE, "^team-1")
    gives("a choice, and what is not listed", rows(("lounge", "true", 0), ("team-2", "false", 0)),
          "muc_online_rooms_by_regex", "global", "lounge|-2$")
    gives("the service is no part of the name", rows(("conference", "true", 0)), "muc_online_rooms_by_regex", "global",
          "conference")
    gives("nothing matches", "", "muc_online_rooms_by_regex", SERVICE, "^x+$")
    leave(bob, f"team-1@{SERVICE}", "B")
    found = json.loads(server.ctl("--json", "muc_online_rooms_by_regex", SERVICE, "^team-1$").out)
    check("JSON", found == [{"jid": f"team-1@{SERVICE}", "public": "true", "participants": 1}], found)
    server.restart()
    gives("rooms that nobody woke", rows(("team-1", "true", 0)), "muc_online_rooms_by_regex", SERVICE, "^team-1$")
    fails("of another service", "Error: not_found: there are no rooms at nowhere.test", "muc_online_rooms_by_regex",
          "nowhere.test", ".")
    for regex in ("(", "[a", "*a("):
        fails(f"a pattern that is none: {regex}", "Error: bad_request: ", "muc_online_rooms_by_regex", SERVICE, regex)
    for regex in ("(a{250}){250}", "(.)\\1"):
        fails(f"a costly pattern: {regex}", "are not understood", "muc_online_rooms_by_regex", SERVICE, regex)
    gives("a brace can be meant itself", "", "muc_online_rooms_by_regex", SERVICE, "a\\{")
    done = server.ctl("muc_online_rooms_by_regex", SERVICE, "a" * 201)
    check("a long pattern", done.code == 2 and "the argument 'regex' of 'muc_online_rooms_by_regex' must be" in done.err, done)


def nicks():
    usage(("muc_register_nick", 4), ("muc_unregister_nick", 3), ("muc_get_registered_nick", 3), ("muc_get_registered_nicks", 1))
    place = f"nicks@{SERVICE}"
    alice, bob, carol = (server.login(name, "dev") for name in ("alice", "bob", "carol"))
    make(alice, place, "Alice")
    gives("nobody has one", "", "muc_get_registered_nicks", place)
    gives("muc_register_nick", "", "muc_register_nick", "Bobby", "bob", "localhost", place)
    check("the account is a member by it", listed(alice, place, affiliation="member") ==
          [{"affiliation": "member", "jid": "bob@localhost", "nick": "Bobby"}], listed(alice, place, affiliation="member"))
    check("nobody else may be called so", refusal(carol, place, "Bobby") == "conflict")
    check("the account may", refusal(bob, place, "Bobby") is None)
    answer = bob.ask("get", "<query xmlns='jabber:iq:register'/>", to=place)
    check("a client is told", answer.text("{jabber:iq:register}query/{jabber:iq:register}username") == "Bobby", answer)
    gives("of an owner", "", "muc_register_nick", "Chief", "alice", "localhost", place)
    gives("who stays one", "owner\n", "get_room_affiliation", "nicks", SERVICE, "alice@localhost")
    gives("another", "", "muc_register_nick", "Bob", "bob", "localhost", place)
    gives("muc_get_registered_nick", "Bob\n", "muc_get_registered_nick", "bob", "localhost", place)
    done = server.ctl("muc_get_registered_nicks", place)
    check("muc_get_registered_nicks", sorted(done.out.splitlines()) == ["alice\tlocalhost\tChief", "bob\tlocalhost\tBob"], done)
    leave(bob, place, "Bobby")
    check("the old one is free", refusal(carol, place, "Bobby") is None)
    fails("a nick of another", "Error: conflict: that nick is another's", "muc_register_nick", "Chief", "bob", "localhost", place)
    fails("a nick that another uses", "Error: conflict: ", "muc_register_nick", "Bobby", "bob", "localhost", place)
    server.ctl("set_room_affiliation", "nicks", SERVICE, "eve", "localhost", "outcast")
    fails("for who is banned", "Error: not_allowed: eve@localhost is banned", "muc_register_nick", "Eve", "eve", "localhost", place)
    fails("a nick of blanks", "Error: bad_request: ", "muc_register_nick", "  ", "bob", "localhost", place)
    gives("muc_unregister_nick", "", "muc_unregister_nick", "bob", "localhost", place)
    gives("its account stays a member", "member\n", "get_room_affiliation", "nicks", SERVICE, "bob@localhost")
    server.restart()
    fails("it is gone for good", "Error: not_found: bob@localhost has no nick in that room", "muc_get_registered_nick", "bob",
          "localhost", place)
    gives("the other's is not", "Chief\n", "muc_get_registered_nick", "alice", "localhost", place)
    fails("muc_unregister_nick again", "Error: not_found: ", "muc_unregister_nick", "bob", "localhost", place)
    for command, before in (("muc_register_nick", ["N", "bob", "localhost"]), ("muc_unregister_nick", ["bob", "localhost"]),
                            ("muc_get_registered_nick", ["bob", "localhost"]), ("muc_get_registered_nicks", [])):
        fails(f"{command} with a service", "Error: bad_request: nicks are registered with a room", command, *before, SERVICE)
        fails(f"{command} with no room", "Error: not_found: there is no such room", command, *before, f"no@{SERVICE}")
        fails(f"{command} elsewhere", "Error: not_found: there are no rooms at", command, *before, "a@nowhere.test")
    fails("of no address", "Error: invalid_jid: ", "muc_register_nick", "N", "b b", "localhost", place)


def main():
    server.start()
    server.register("alice", "bob", "carol")
    run(files, store_away, patterns, nicks)


try:
    main()
finally:
    server.kill()
