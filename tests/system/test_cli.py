#!/usr/bin/env python3
"""bongsuctl against a running server: what administrators and their scripts do, and what happens on mistakes.

Every command of the server is run, with what it needs around it: clients that are connected, rosters, long lists, a
changed configuration, a rotated log. Exit codes are 0, 1 (error), 2 (usage) and 3 (no server), and each mistake is told
in a clear line on standard error. The control socket itself is spoken to, too, with broken and hasty requests.
"""
import json
import os
import re
import socket
import stat
import subprocess
from pathlib import Path

from bongsu import WAIT, Server, check, refused, run, wait_for
from bongsu.server import BONGSUCTL

server = Server("cli", hosts=["localhost", "example.org"], log={"file": "server.log"},
                listen={"plain": {"service": "c2s", "starttls": "off"}})
run_commands = set()


def ctl(*arguments, config="cli.yml", stdin=None):
    """Runs bongsuctl; its exit code, and what it printed and complained."""
    words = [a for a in arguments if a != "--json"]
    if words:
        run_commands.add(words[0])
    done = subprocess.run([BONGSUCTL, "--config", config, *arguments], input=stdin, capture_output=True, text=True,
                          timeout=WAIT, check=False)
    return done.returncode, done.stdout, done.stderr


def gives(what, code, out, *arguments, err=None, **more):
    """The command ends with that code and that output; err is a part of the complaint, of which there is one line."""
    got = ctl(*arguments, **more)
    complaint = not got[2] if err is None else err in got[2] and got[2].count("\n") == 1
    wanted = got[1] == out if isinstance(out, str) else out.search(got[1])
    return check(what, got[0] == code and wanted and complaint, got)


def as_json(*arguments):
    code, out, err = ctl("--json", *arguments)
    try:
        return json.loads(out)
    except ValueError:
        return f"{code} {out} {err}"


def ended(client, condition, text):
    """The stream ends with that error, in whose text there is that text."""
    return check(f"its stream ends with {condition}", client.ended() == condition and text in client.error.text("se:text"),
                 client.error)


def no_server():
    Path("none.yml").write_text("hosts: [localhost]\ndata_dir: nothing\n")
    gives("without a server the code is 3", 3, "", "status", config="none.yml", err="cannot reach the server at ")
    gives("a missing configuration is named", 3, "", "status", config="missing.yml", err="missing.yml")
    for arguments, word in ((["--what"], "--what"), (["--timeout", "soon", "status"], "soon"), (["--socket"], "--socket")):
        gives(f"{' '.join(arguments)} is refused", 2, "", *arguments, err=word)
    done = subprocess.run([BONGSUCTL], capture_output=True, text=True, timeout=WAIT, check=False)
    check("no command: usage and 2", done.returncode == 2 and done.stderr.startswith("usage: "), done)
    done = subprocess.run([BONGSUCTL, "--help"], capture_output=True, text=True, timeout=WAIT, check=False)
    check("--help", done.returncode == 0 and "--socket" in done.stdout, done)
    done = subprocess.run([BONGSUCTL, "--version"], capture_output=True, text=True, timeout=WAIT, check=False)
    check("--version", done.returncode == 0 and done.stdout.startswith("bongsuctl "), done)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("silent.sock")
    listener.listen()
    gives("--timeout ends the waiting", 3, "", "--socket", "silent.sock", "--timeout", "1", "status", err="in time")
    listener.close()
    done = subprocess.run([BONGSUCTL, "--config", "none.yml", "complete"], capture_output=True, timeout=WAIT, check=False)
    check("completion is silent without a server", done.returncode == 0 and not done.stdout and not done.stderr, done)


def accounts():
    gives("register", 0, "User alice@localhost successfully registered\n", "register", "alice", "localhost", "secret")
    gives("register again", 1, "", "register", "alice", "localhost", "other",
          err="Error: conflict: User alice@localhost already registered")
    gives("names are prepared", 1, "", "register", "Alice", "LOCALHOST", "x", err="User alice@localhost already registered")
    gives("a bad name", 1, "", "register", "al ice", "localhost", "x", err="Error: invalid_jid: 'al ice'")
    gives("an unknown host", 1, "", "register", "bob", "nowhere.test", "x", err="Error: not_found: host nowhere.test")
    gives("a bad password", 1, "", "register", "bob", "localhost", "\u0627\u0031x", err="Error: bad_password: ")
    gives("a password from standard input", 0, re.compile("^User bob@localhost"), "register", "bob", "localhost", "-",
          stdin="pass word\n")
    gives("check_password", 0, "", "check_password", "bob", "localhost", "pass word")
    gives("check_password from standard input", 0, "", "check_password", "bob", "localhost", "-", stdin="pass word")
    gives("a wrong password", 1, "", "check_password", "bob", "localhost", "-", stdin="-\n", err="Error: wrong_password: ")
    gives("an unknown user's password", 1, "", "check_password", "eve", "localhost", "x", err="Error: not_found: ")
    gives("change_password", 0, "", "change_password", "bob", "localhost", "-", stdin="new")
    gives("the new password", 0, "", "check_password", "bob", "localhost", "new")
    gives("the old password", 1, "", "check_password", "bob", "localhost", "pass word", err="Error: wrong_password: ")
    gives("change_password of nobody", 1, "", "change_password", "eve", "localhost", "x", err="Error: not_found: ")
    gives("check_account", 0, "", "check_account", "bob", "localhost")
    gives("check_account of nobody", 1, "", "check_account", "eve", "localhost", err="User eve@localhost does not exist")
    gives("register on another host", 0, re.compile("carol@example.org"), "register", "carol", "example.org", "secret")
    gives("registered_users", 0, "alice\nbob\n", "registered_users", "localhost")
    gives("registered_vhosts", 0, "localhost\nexample.org\n", "registered_vhosts")
    gives("unregister", 0, "User bob@localhost successfully unregistered\n", "unregister", "bob", "localhost")
    gives("unregister again", 1, "", "unregister", "bob", "localhost", err="Error: not_found: ")
    gives("registered_users without him", 0, "alice\n", "registered_users", "localhost")
    gives("registered_users of no host", 1, "", "registered_users", "nowhere.test", err="Error: not_found: host")
    check("JSON of a list", as_json("registered_users", "localhost") == ["alice"])
    check("JSON of nothing", as_json("check_account", "alice", "localhost") is None)
    check("JSON of a failure", as_json("check_account", "eve", "localhost") ==
          {"error": "not_found", "message": "User eve@localhost does not exist"})


def usage():
    code, out, err = ctl("register", "bob")
    check("too few arguments: help, and 2", code == 2 and not out and err.startswith("Usage: bongsuctl register user host")
          and err.endswith("\nError: the command 'register' requires 2 more arguments.\n"), err)
    code, _, err = ctl("status", "now")
    check("too many arguments", code == 2 and "Error: the command 'status' requires 1 less argument." in err, err)
    gives("an unknown command", 2, "", "regster", err="Error: unknown command 'regster'. Did you mean 'register'?")
    gives("not UTF-8", 2, "", "check_account", b"\xff", "localhost", err="not UTF-8")
    code, out, _ = ctl("help")
    check("help lists the commands by tag", code == 0 and "\naccounts:\n" in out and "\n  kick_user user host" in out, out)
    gives("help of a command", 0, re.compile(r"^Usage: bongsuctl kick_session user host resource reason\n"), "help",
          "kick_session")
    gives("help of a pattern", 0, re.compile(r"^accounts:\n  register user .*\n  registered_users .*\n  registered_vhosts"),
          "help", "regist*")
    gives("help tags", 0, re.compile(r"^accounts: ban_account "), "help", "tags")
    gives("help of nothing", 1, "", "help", "xyzzy", err="Error: not_found: ")
    gives("completion of commands", 0, re.compile(r"^unregister$", re.M), "complete")
    gives("completion of a host", 0, "localhost\nexample.org\n", "complete", "check_account", "alice")
    gives("completion of a user", 0, "alice\n", "complete", "check_account")
    gives("completion of a choice", 0, "normal\nchat\ngroupchat\nheadline\n", "complete", "send_message")
    run_commands.discard("complete")


def sessions():
    gives("nobody is connected", 0, "0\n", "connected_users_number")
    gives("nobody is listed", 0, "", "connected_users")
    gives("no presence", 0, "alice@localhost\tunavailable\t\n", "get_presence", "alice", "localhost")
    phone = server.login("alice", "phone")
    desk = server.login("alice", "desk")
    carol = server.login("carol", "a\u00e9 b", host="example.org")
    phone.available("<priority>5</priority><show>away</show><status>two\nlines</status>")
    desk.available()
    code, out, _ = ctl("connected_users")
    check("connected_users", code == 0 and sorted(out.splitlines()) ==
          ["alice@localhost/desk", "alice@localhost/phone", "carol@example.org/a\u00e9 b"], out)
    gives("connected_users_number", 0, "3\n", "connected_users_number")
    check("JSON of a number", as_json("connected_users_number") == 3)
    gives("connected_users_vhost", 0, "carol@example.org/a\u00e9 b\n", "connected_users_vhost", "example.org")
    gives("connected_users_vhost of no host", 1, "", "connected_users_vhost", "nowhere.test", err="Error: not_found: ")
    rows = {row["jid"]: row for row in as_json("connected_users_info")}
    row = rows.get("alice@localhost/phone", {})
    check("connected_users_info", len(rows) == 3 and row.get("connection") == "c2s" and row.get("ip") == "127.0.0.1" and
          row.get("port") == phone.socket.getsockname()[1] and row.get("priority") == 5 and row.get("status") == "away" and
          row.get("statustext") == "two\nlines" and 0 <= row.get("uptime") < 600 and row.get("resource") == "phone" and
          row.get("node", "").startswith("bongsud@"), rows)
    code, out, _ = ctl("user_sessions_info", "alice", "localhost")
    lines = sorted(line.split("\t") for line in out.splitlines())
    check("user_sessions_info has nine cells a line", code == 0 and len(lines) == 2 and
          all(len(line) == 9 and line[0] == "c2s" for line in lines) and
          sorted(line[8] for line in lines) == ["", "two lines"], out)
    code, out, _ = ctl("user_resources", "alice", "localhost")
    check("user_resources", code == 0 and sorted(out.split()) == ["desk", "phone"], out)
    gives("num_resources", 0, "2\n", "num_resources", "alice", "localhost")
    check("resource_num", {ctl("resource_num", "alice", "localhost", n)[1] for n in "12"} == {"desk\n", "phone\n"})
    gives("resource_num of too many", 1, "", "resource_num", "alice", "localhost", "3", err="Error: bad_request: ")
    gives("status_num", 0, "1\n", "status_num", "away")
    gives("status_num of none", 0, "0\n", "status_num", "dnd")
    code, _, err = ctl("status_num", "asleep")
    check("status_num of no such thing", code == 2 and "must be available, away, chat, dnd or xa" in err, err)
    gives("status_num_host", 0, "1\n", "status_num_host", "localhost", "available")
    gives("status_num_host of another", 0, "0\n", "status_num_host", "example.org", "available")
    gives("status_num_host of no host", 1, "", "status_num_host", "nowhere.test", "away", err="Error: not_found: ")
    gives("status_list", 0, "alice@localhost/phone\t5\ttwo lines\n", "status_list", "away")
    gives("status_list_host", 0, "alice@localhost/desk\t0\t\n", "status_list_host", "localhost", "available")
    for command in ("user_sessions_info", "user_resources", "num_resources", "get_presence", "kick_user"):
        gives(f"{command} of nobody", 1, "", command, "eve", "localhost", err="Error: not_found: ")
    gives("get_presence is of the highest priority", 0, "alice@localhost/phone\taway\ttwo lines\n", "get_presence", "alice",
          "localhost")
    check("JSON of one row", as_json("get_presence", "alice", "localhost") ==
          {"jid": "alice@localhost/phone", "show": "away", "status": "two\nlines"})
    gives("stats", 0, "3\n", "stats", "onlineusers")
    gives("stats_host", 0, "2\n", "stats_host", "onlineusers", "localhost")
    messages(phone)
    roster(desk)
    kicks(phone, desk, carol)


def messages(client):
    gives("send_message", 0, "", "send_message", "chat", "admin@example.org", "alice@localhost/phone", "", "Hello <you> & me")
    check("it arrives", client.wait("^<message").text("c:body") == "Hello <you> & me")
    gives("send_message with a body from standard input", 0, "", "send_message", "headline", "localhost",
          "alice@localhost/phone", "News", "-", stdin="first line\nsecond line\n")
    found = client.wait("^<message")
    check("it arrives with its subject", found.get("type") == "headline" and found.text("c:subject") == "News" and
          found.text("c:body") == "first line\nsecond line", found)
    gives("a body that is too long", 1, "", "send_message", "chat", "localhost", "alice@localhost", "", "-",
          stdin="x" * 100001, err="Error: too_large: ")
    gives("a body that is just short enough", 0, "", "send_message", "chat", "localhost", "alice@localhost/phone", "", "-",
          stdin="\U0001f600" * 100000)
    check("it arrives whole", client.wait("<body>").text("c:body") == "\U0001f600" * 100000)
    gives("a bad address", 1, "", "send_message", "chat", "localhost", "@", "", "x", err="Error: invalid_jid: '@'")
    gives("an address elsewhere", 1, "", "send_message", "chat", "localhost", "a@nowhere.test", "", "x",
          err="Error: not_found: ")
    code, _, err = ctl("send_message", "shout", "localhost", "alice@localhost", "", "x")
    check("an unknown type", code == 2 and "must be normal, chat, groupchat or headline" in err, err)
    gives("send_stanza", 0, "", "send_stanza", "localhost", "alice@localhost/phone",
          "<message type='chat' to='ignored@x' id='s1'><x xmlns='urn:test'/></message>")
    check("it arrives", client.wait("id='s1'[^>]*><x xmlns='urn:test'/></message>").get("to") == client.jid)
    for text in ("<message", "<message/><message/>", "<foo/>", "text", "<!-- c --><message/>", "<message></presence>"):
        gives(f"send_stanza of {text}", 1, "", "send_stanza", "localhost", "alice@localhost", text, err="Error: bad_request: ")
    gives("send_stanza of an iq without id", 1, "", "send_stanza", "localhost", "alice@localhost", "<iq type='get'/>",
          err="Error: bad_request: not a stanza: ")


def roster(client):
    client.ask("get", "<query xmlns='jabber:iq:roster'/>")
    gives("no contacts", 0, "", "get_roster", "alice", "localhost")
    gives("add_rosteritem", 0, "", "add_rosteritem", "alice", "localhost", "bob", "example.org", "Bob B", "One, Two", "both")
    item = client.wait("^<iq [^>]*type='set'").raw
    check("it is pushed", "jid='bob@example.org'" in item and "<group>Two</group>" in item and
          "subscription='both'" in item, item)
    gives("get_roster", 0, "bob@example.org\tBob B\tboth\tnone\tOne,Two\n", "get_roster", "alice", "localhost")
    check("JSON of a contact", as_json("get_roster", "alice", "localhost") == [
        {"jid": "bob@example.org", "nick": "Bob B", "subscription": "both", "pending": "none", "groups": ["One", "Two"]}])
    gives("get_roster_count", 0, "1\n", "get_roster_count", "alice", "localhost")
    gives("a contact without groups", 0, "", "add_rosteritem", "alice", "localhost", "", "example.org", "", "", "to")
    gives("get_roster_count", 0, "2\n", "get_roster_count", "alice", "localhost")
    gives("replace a contact", 0, "", "add_rosteritem", "alice", "localhost", "bob", "example.org", "B", "", "none")
    code, out, _ = ctl("get_roster", "alice", "localhost")
    check("it is replaced", code == 0 and "bob@example.org\tB\tnone\tnone\t\n" in out, out)
    gives("oneself as a contact", 1, "", "add_rosteritem", "alice", "localhost", "alice", "localhost", "", "", "both",
          err="Error: bad_request: ")
    gives("a contact that is no address", 1, "", "add_rosteritem", "alice", "localhost", "b b", "x", "", "", "both",
          err="Error: invalid_jid: ")
    code, _, err = ctl("add_rosteritem", "alice", "localhost", "bob", "example.org", "B", "", "all")
    check("an unknown subscription", code == 2 and "must be none, to, from or both" in err, err)
    gives("delete_rosteritem", 0, "", "delete_rosteritem", "alice", "localhost", "bob", "example.org")
    check("it is pushed", client.wait("<item [^>]*subscription='remove'"))
    gives("delete_rosteritem again", 1, "", "delete_rosteritem", "alice", "localhost", "bob", "example.org",
          err="Error: not_found: ")
    gives("push_roster without its file", 1, "", "push_roster", "none.txt", "alice", "localhost", err="Error: file: ")
    gives("push_roster_all without its file", 1, "", "push_roster_all", "none.txt", err="Error: file: ")
    gives("push_alltoall of no host", 1, "", "push_alltoall", "nowhere.test", "x", err="Error: not_found: ")
    gives("process_rosteritems", 0, "alice@localhost\texample.org\n", "process_rosteritems", "list", "to", "any", "any", "any")
    for command, more in (("get_roster", []), ("get_roster_count", []), ("delete_rosteritem", ["a", "b.test"]),
                          ("add_rosteritem", ["a", "b.test", "", "", "both"])):
        gives(f"{command} of nobody", 1, "", command, "eve", "localhost", *more, err="Error: not_found: ")


def kicks(phone, desk, carol):
    gives("set_presence of none", 1, "", "set_presence", "alice", "localhost", "boat", "available", "away", "", "0",
          err="Error: not_found: ")
    gives("kick_session of none", 1, "", "kick_session", "alice", "localhost", "boat", "<" * 1000, err="Error: not_found: ")
    code, _, err = ctl("kick_session", "alice", "localhost", "desk", "x" * 1001)
    check("a reason that is too long", code == 2 and "'reason' of 'kick_session' must be text, at most 1000" in err, err)
    gives("kick_session", 0, "", "kick_session", "alice", "localhost", "desk", "Lost <device>")
    ended(desk, "policy-violation", "Lost <device>")
    gives("kick_user", 0, "Kicked sessions: 1\n", "kick_user", "alice", "localhost")
    ended(phone, "policy-violation", "administrator")
    gives("kick_user again", 0, "Kicked sessions: 0\n", "kick_user", "alice", "localhost")
    gives("kick_users", 0, "1\n", "kick_users", "example.org")
    ended(carol, "policy-violation", "administrator")
    gives("kick_users of no host", 1, "", "kick_users", "nowhere.test", err="Error: not_found: ")
    gives("nobody is left", 0, "0\n", "connected_users_number")
    server.register("old", "older", host="example.org")
    server.sql("UPDATE account SET created = 1 WHERE owner LIKE 'old%'")
    gives("num_active_users", 0, "0\n", "num_active_users", "example.org", "1")
    gives("num_active_users of no host", 1, "", "num_active_users", "nowhere.test", "1", err="Error: not_found: ")
    busy = server.login("old", "x", host="example.org")
    gives("delete_old_users_vhost of another host", 0, "Deleted 0 users: []\n", "delete_old_users_vhost", "localhost", "100")
    gives("delete_old_users: who is connected stays", 0, "Deleted 1 users: [older@example.org]\n", "delete_old_users", "100")
    busy.available()
    busy.ends()
    gives("delete_old_users_vhost of no host", 1, "", "delete_old_users_vhost", "nowhere.test", "1", err="Error: not_found: ")
    wait_for("who was there lately is active", lambda: ctl("num_active_users", "example.org", "1")[1] == "1\n")
    gives("and is not old", 0, "Deleted 0 users: []\n", "delete_old_users_vhost", "example.org", "100")
    server.ctl("unregister", "old", "example.org")
    gives("set_vcard", 0, "", "set_vcard", "alice", "localhost", "NICKNAME", "Ali <3 & co")
    gives("get_vcard", 0, "Ali <3 & co\n", "get_vcard", "alice", "localhost", "NICKNAME")
    check("JSON of it", as_json("get_vcard", "alice", "localhost", "NICKNAME") == "Ali <3 & co")
    gives("get_vcard of another element", 1, "", "get_vcard2", "alice", "localhost", "N", "FAMILY", err="Error: not_found: ")
    gives("set_vcard of no name", 1, "", "set_vcard", "alice", "localhost", "a b", "x", err="Error: bad_request: ")
    gives("set_vcard of nothing", 0, "", "set_vcard", "alice", "localhost", "NICKNAME", "")
    gives("it is gone", 1, "", "get_vcard", "alice", "localhost", "NICKNAME", err="Error: not_found: ")
    gives("get_vcard of nobody", 1, "", "get_vcard", "eve", "localhost", "FN", err="Error: not_found: ")
    gives("trace_message of nothing", 1, "", "trace_message", "unheard-of", err="Error: not_found: ")
    gives("delete_user_data of nobody", 1, "", "delete_user_data", "eve", "localhost", err="Error: not_found: ")
    gives("delete_user_data", 0, "Deleted of alice@localhost: vcard\n", "delete_user_data", "alice", "localhost", "vcard")
    again = server.login("alice", "again")
    gives("ban_account", 0, "", "ban_account", "alice", "localhost", "&" * 1000)
    ended(again, "policy-violation", "&" * 1000)
    refused("a banned account cannot log in", lambda: server.login("alice"))
    gives("list_banned", 0, "alice@localhost\n", "list_banned", "localhost")
    gives("count_banned", 0, "1\n", "count_banned", "localhost")
    gives("list_banned of another host", 0, "", "list_banned", "example.org")
    gives("unban_account", 0, "", "unban_account", "alice", "localhost")
    gives("count_banned of nobody", 0, "0\n", "count_banned", "localhost")
    server.login("alice", "free").close()
    check("and can again", True)
    gives("ban_account of nobody", 1, "", "ban_account", "eve", "localhost", "x", err="Error: not_found: ")
    gives("unban_account of nobody", 1, "", "unban_account", "eve", "localhost", err="Error: not_found: ")
    doomed = server.login("carol", "doomed", host="example.org")
    gives("unregister who is connected", 0, re.compile("unregistered"), "unregister", "carol", "example.org")
    ended(doomed, "not-authorized", "deleted")


def long_lists():
    names = [f"user{n:06}" for n in range(30000)]
    server.sql("INSERT INTO account (owner, host, created) VALUES " +
               ", ".join(f"('{name}@example.org', 'example.org', 0)" for name in names))
    code, out, _ = ctl("registered_users", "example.org")
    check("a long list is whole and in order", code == 0 and out.split() == names, out[:200])
    check("a long list in JSON", as_json("registered_users", "example.org") == names)
    gives("stats_host counts it", 0, "30000\n", "stats_host", "registeredusers", "example.org")
    # A reader that does not read holds nothing up, and gets it all when it does.
    with Control() as slow:
        slow.send({"command": "registered_users", "args": ["example.org"]})
        gives("others are served meanwhile", 0, re.compile("is started"), "status")
        texts = []
        while True:
            part = slow.receive()
            texts.append(part["text"])
            if not part.get("part"):
                break
        check("a slow reader gets all", "".join(texts).split() == names and len(texts) > 1, len(texts))


def the_server():
    code, out, _ = ctl("status")
    check("status", code == 0 and re.match(r"The node 'bongsud@\S+' is started with status: started\nbongsud \S+ is running "
                                           r"in that node\n$", out), out)
    stats = as_json("stats")
    check("stats lists all", isinstance(stats, dict) and stats.get("connections_total", 0) > 0 and
          {"registeredusers", "onlineusers", "onlineusersnode", "uptimeseconds", "processes"} <= set(stats), stats)
    gives("stats of a counter", 0, re.compile(r"^\d+\n$"), "stats", "auth_ok_total")
    gives("stats of nothing", 1, "", "stats", "weather", err="Error: not_found: 'weather'")
    gives("stats_host of a counter", 1, "", "stats_host", "auth_ok_total", "localhost", err="Error: not_found: ")
    gives("stats_host of no host", 1, "", "stats_host", "onlineusers", "nowhere.test", err="Error: not_found: ")
    code, out, _ = ctl("list_certificates")
    rows = [line.split("\t") for line in out.splitlines()]
    check("list_certificates", code == 0 and [row[0] for row in rows] == ["localhost", "example.org"] and
          all(row[1].endswith("/cert.pem") and row[2] in ("89", "90") for row in rows), out)
    code, out, _ = ctl("modules_installed")
    check("modules_installed", code == 0 and all(len(line.split("\t")) == 2 for line in out.splitlines()), out)


def logs():
    gives("get_loglevel", 0, "info\n", "get_loglevel")
    for level, name in (("debug", "debug"), ("4", "debug"), ("warning", "warn"), ("none", "none"), ("3", "info")):
        gives(f"set_loglevel {level}", 0, "", "set_loglevel", level)
        gives(f"it is {name}", 0, f"{name}\n", "get_loglevel")
    gives("set_loglevel of one area", 0, "", "set_loglevel", "trace", "store")
    gives("the others stay", 0, "info\n", "get_loglevel")
    gives("set_loglevel to nothing", 1, "", "set_loglevel", "loud", err="Error: bad_request: 'loud'")
    gives("set_loglevel of no area", 1, "", "set_loglevel", "info", "kitchen", err="Error: bad_request: ")
    gives("set_loglevel", 0, "", "set_loglevel", "info")
    os.rename("server.log", "server.log.1")
    gives("reopen_log", 0, "", "reopen_log")
    wait_for("the log is where it should be", lambda: Path("server.log").exists() and
             "reopened the log" in Path("server.log").read_text())
    os.rename("server.log", "server.log.2")
    os.mkdir("server.log")
    gives("reopen_log that cannot", 1, "", "reopen_log", err="Error: log: open log file ")
    os.rmdir("server.log")
    os.rename("server.log.2", "server.log")
    gives("reopen_log again", 0, "", "reopen_log")


def reload():
    gives("reload_config of the same file", 0, "", "reload_config")
    server.configure(c2s={"max_stanza": "2M"})
    gives("reload_config tells what changed", 0, re.compile(r"c2s\.max_stanza: 2M, was 1M"), "reload_config")
    server.configure(f"hosts: [localhost]\ndata_dir: {server.data}\nc2s: {{max_stanzas: 3M}}\nworkes: 3\n")
    code, out, err = ctl("reload_config")
    check("reload_config tells the faults", code == 1 and not out and re.search(r'cli\.yml:\d+:\d+: .*"max_stanzas"', err)
          and re.search(r'cli\.yml:\d+:\d+: .*"workes"', err) and "Error: invalid_configuration: " in err, err)
    server.configure(c2s={"max_stanza": "3M"})
    gives("and keeps the old one", 0, re.compile(r"c2s\.max_stanza: 3M, was 2M"), "reload_config")
    Path("cert.pem").rename("cert.away")
    code, _, err = ctl("reload_config")
    check("a missing certificate is a fault", code == 1 and "cert.pem" in err, err)
    Path("cert.away").rename("cert.pem")
    gives("reload_config", 0, "", "reload_config")


class Control:
    """The control socket without bongsuctl."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT)
        self.socket.connect("cli-data/bongsuctl.sock")
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, *requests):
        self.socket.sendall(b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in requests))

    def receive(self):
        line = self.file.readline()
        return json.loads(line) if line else None


def control_socket():
    mode = stat.S_IMODE(os.stat("cli-data/bongsuctl.sock").st_mode)
    check("the socket is for its owner only", mode == 0o600, oct(mode))
    with Control() as c:
        for bad in (b"\n", b"{}\n", b"[1]\n", b"not json\n", b'{"command": 3}\n', b'{"command":"status","args":"x"}\n',
                    b'{"command":"status","args":[1]}\n', b'{"command":"status","args":["\xff"]}\n',
                    json.dumps({"command": "status", "args": ["x"] * 65}).encode() + b"\n"):
            c.send(bad)
            answer = c.receive()
            check(f"{bad[:40]} is not a request", answer and answer["code"] == 2 and "not a request" in answer["text"], answer)
        c.send({"command": "registered_vhosts"}, {"command": "stats", "args": ["onlineusers"], "json": True},
               {"command": "check_password", "args": ["alice", "localhost", "secret"]}, {"command": "nonsense"})
        answers = [c.receive() for _ in range(4)]
        check("hasty requests are answered in order", [a["code"] for a in answers] == [0, 0, 0, 2] and
              answers[0]["text"] == "localhost\nexample.org\n" and answers[1]["json"] == 0, answers)
        for piece in (b'{"comm', b'and": "sta', b'tus"}', b"\n"):
            c.send(piece)
        check("a request in pieces", "is started" in c.receive()["text"])
    with Control() as c:
        try:
            c.send(b"x" * 2000000)
        except OSError:
            pass  # the server may be done with us
        try:
            answer = c.receive()
            check("a line without end is refused", answer["code"] == 2 and "too long" in answer["text"], answer)
            check("and the connection closed", c.receive() is None)
        except OSError:
            check("a line without end is refused", True)
    with Control() as c:
        c.send({"command": "check_password", "args": ["alice", "localhost", "secret"]})
    gives("who leaves before the answer does no harm", 0, re.compile("started"), "status")
    crowd = [Control() for _ in range(80)]
    try:
        for c in crowd[:10]:
            c.send({"command": "status"})
        check("many clients are served", all(c.receive()["code"] == 0 for c in crowd[:10]))
        check("too many are not", any(not c.file.readline() for c in crowd[-5:]))
    finally:
        for c in crowd:
            c.__exit__()
    wait_for("others can come when they left", lambda: ctl("status")[0] == 0)
    log = Path("server.log").read_text() + "".join(p.read_text() for p in Path(".").glob("server.log.*"))
    check("the log says who changed what", re.search(r"via control socket ran kick_users example\.org: ok", log))
    check("the log has no secrets", "pass word" not in log and "(secret)" in log and "Hello" not in log)


def every_command():
    core = {"accounts", "sessions", "roster", "messages", "server"}  # other commands are tested with their modules
    names = {row["name"] for row in as_json("help") if row["tag"] in core}
    check("every command was tried", names <= run_commands | {"stop", "restart"}, names - run_commands)


def stop():
    gives("stop", 0, "", "stop")
    check("the server ended well", server.process.wait(WAIT) == 0, server.process.returncode)
    check("the socket is gone", not Path("cli-data/bongsuctl.sock").exists())
    gives("nobody is there any more", 3, "", "status", err="cannot reach the server")


def administration():
    with server:
        accounts()
        usage()
        sessions()
        long_lists()
        the_server()
        reload()
        logs()
        control_socket()
        every_command()
        stop()


run(no_server, administration)
