#!/usr/bin/env python3
"""get_messages and count_messages: what administrators see of archives, of accounts and of rooms.

Two accounts talk, a room is talked in; everything is printed as lines and as JSON, cut by address, time, id and number;
what cannot be read is told; and no text of a message is in the log.
"""
import json

from bongsu import Server, check, muc, run

server = Server(log={"level": "debug"})
ROOM = "tea@conference.localhost"


def get(*arguments):
    done = server.ctl("--json", "get_messages", *arguments)
    return json.loads(done.out) if done.code == 0 else done


def bodies(*arguments):
    rows = get(*arguments)
    return [row["body"] for row in rows] if isinstance(rows, list) else rows


def count(*arguments):
    done = server.ctl("count_messages", *arguments)
    return int(done.out) if done.code == 0 else done


def says(what, got, wanted):
    return check(what, got == wanted, f"{got}, not {wanted}")


def fails(what, code, text, *arguments):
    done = server.ctl(*arguments)
    return check(what, done.code == code and text in done.err and not done.out, done)


def talk():
    server.register("alice", "bob", "carol")
    alice, bob = server.login("alice", "desk"), server.login("bob", "phone")
    bob.available()
    for i in range(1, 8):
        alice.send(f"<message to='bob@localhost' type='chat' id='a{i}'><body>line {i}\nof secret-{i}</body></message>")
    bob.wait("secret-7")
    bob.send("<message to='alice@localhost/desk' type='chat' id='b1'><body>answer</body></message>")
    bob.send("<message to='carol@localhost' id='b2'><body>&lt;other&gt;</body></message>")
    bob.sync()
    alice.wait("answer")
    muc.make(alice, ROOM, "Al")
    for i in range(3):
        muc.say(alice, ROOM, f"in the room {i}", f"r{i}")


def lines():
    done = server.ctl("get_messages", "bob", "localhost")
    rows = [line.split("\t") for line in done.out.splitlines()]
    check("a line each, the oldest first", done.code == 0 and len(rows) == 9 and all(len(r) == 7 for r in rows), done)
    check("its cells", rows[0][2:] == ["alice@localhost/desk", "bob@localhost", "chat", "false", "line 1 of secret-1"], rows[0])
    check("times grow", sorted(r[0] for r in rows) == [r[0] for r in rows], rows)
    rows = get("bob", "localhost")
    check("JSON keeps line ends", rows[0]["body"] == "line 1\nof secret-1" and rows[8]["body"] == "<other>" and
          rows[8]["type"] == "normal" and rows[7]["to"] == "alice@localhost/desk", rows)
    return rows


def ranges(rows):
    every = [row["body"] for row in rows]
    says("with", bodies("bob", "localhost", "carol@localhost"), ["<other>"])
    says("with a resource", bodies("bob", "localhost", "with=alice@localhost/desk"), every[:8])
    says("with another resource", bodies("bob", "localhost", "with=alice@localhost/phone"), [])
    says("limit: the newest", bodies("bob", "localhost", "limit=2"), every[-2:])
    says("no limit", bodies("bob", "localhost", "limit=0"), every)
    says("after: the first ones", bodies("bob", "localhost", "limit=2", f"after={rows[2]['id']}"), every[3:5])
    says("before: the last ones", bodies("bob", "localhost", "limit=2", f"before={rows[4]['id']}"), every[2:4])
    says("all in place", bodies("bob", "localhost", "alice@localhost", rows[0]["time"], rows[8]["time"], "5", rows[4]["id"],
                                rows[0]["id"]), every[1:4])
    says("start", bodies("bob", "localhost", f"start={rows[7]['time']}"),
         [r["body"] for r in rows if r["time"] >= rows[7]["time"]])
    says("end", bodies("bob", "localhost", f"end={rows[2]['time']}"), [r["body"] for r in rows if r["time"] <= rows[2]["time"]])
    says("a day of long ago", bodies("bob", "localhost", "end=2001-01-31"), [])
    says("count", count("bob", "localhost"), 9)
    says("count with", count("bob", "localhost", "with=carol@localhost"), 1)
    says("count since", count("bob", "localhost", "start=2001-01-31"), 9)
    says("get_mam_count", server.ctl("get_mam_count", "alice", "localhost").out, "8\n")


def rooms():
    says("a room", bodies("tea", "conference.localhost"), [f"in the room {i}" for i in range(3)])
    says("a room's count", count("tea", "conference.localhost"), 3)
    row = get("tea", "conference.localhost")[0]
    check("who said it", "alice@localhost" in row["from"] or row["from"] == f"{ROOM}/Al", row)


def mistakes(rows):
    fails("no such account", 1, "not_found: eve@localhost has no archive", "get_messages", "eve", "localhost")
    fails("no such host", 1, "not_found: host nowhere.test", "count_messages", "bob", "nowhere.test")
    fails("no name", 1, "invalid_jid", "get_messages", "b b", "localhost")
    for word in ("with=a@@b", "start=yesterday", "end=2026-13-01", "after=x", f"before={rows[0]['id'][1:]}x"):
        fails(f"{word.partition('=')[0]} of nothing", 1, f"bad_request: '{word.partition('=')[2]}' is not", "get_messages", "bob",
              "localhost", word)
    fails("another archive's id", 1, "bad_request: ", "get_messages", "alice", "localhost", f"after={rows[0]['id']}")
    fails("too many", 2, "'limit' of 'get_messages' must be", "get_messages", "bob", "localhost", "limit=1001")
    log = server.log()
    check("no text is in the log", "get_messages bob localhost" in log and "secret-" not in log and "in the room" not in log)


def many():
    """More than what goes at once."""
    alice, bob = server.login("alice", "desk"), server.login("bob", "phone")
    text = "x" * 200
    for i in range(1200):
        alice.send(f"<message to='bob@localhost' type='chat' id='n{i}'><body>{i} {text}</body></message>")
    alice.sync()
    alice.send("<message to='bob@localhost' type='chat' id='last'><body>last</body></message>")
    bob.available()
    bob.wait("<body>last")
    rows = get("bob", "localhost", "limit=0")
    got = [row["body"] for row in rows[9:]]
    check("all of it, in order", got == [f"{i} {text}" for i in range(1200)] + ["last"], (len(rows), got[-2:]))
    done = server.ctl("get_messages", "bob", "localhost", "limit=0")
    check("as lines", done.code == 0 and done.out.count("\n") == 1210, done.out[-300:])
    says("and counted", count("bob", "localhost"), 1210)


def archives():
    with server:
        talk()
        rows = lines()
        ranges(rows)
        rooms()
        mistakes(rows)
        many()


run(archives)
