#!/usr/bin/env python3
"""What the log says and what it must never say.

Passwords, tokens and bodies take every way into the server that there is, at the level trace, in good and in broken
stanzas and commands: none of them is in the log, in text or in JSON. Each line is one event, whatever peers write; a
connection has one id from accept to close; the line of a failed login is what the filter for fail2ban expects.
"""
import base64
import json
import os
import re
import socket
from pathlib import Path

from bongsu import Server, check, escape, run
from bongsu.server import STORE

SECRET = "Sesame-Never-Log-Me"  # part of all that is secret here
WORDS = {name: f"{SECRET}-{name}" for name in (
    "password", "new", "wrong", "body", "subject", "private", "card", "status", "broken", "command", "unknown", "ibr")}
FORGED = "2026-01-01T00:00:00.000Z error server - forged"
HOSTILE = f"x\n{FORGED}\r{FORGED}\x1b[31m"


def broken(server, port, *texts):
    """Streams that end early; what is secret is in what is wrong."""
    for text in texts:
        with server.client(port) as client:
            client.send(text)
            try:
                while True:
                    client.wait(seconds=1)
            except Exception:  # pylint: disable=broad-except  # it was refused, or nothing was said to it
                pass


def logins(server):
    for mechanism in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"):
        server.login("alice", password=WORDS["password"], port="tls", mechanism=mechanism).close()
        for user, password in (("alice", WORDS["wrong"]), ("nobody", WORDS["wrong"])):
            with server.client("tls") as client:
                check(f"{mechanism}: a wrong password of {user} is refused",
                      client.authenticate(user, password, mechanism).name == "failure")
    plain = base64.b64encode(f"\0alice\0{WORDS['wrong']}".encode()).decode()
    sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
    broken(server, "tls",
           f"<auth xmlns='{sasl}' mechanism='{WORDS['unknown']}'>{plain}</auth>",
           f"<auth xmlns='{sasl}' mechanism='PLAIN'>{plain}!</auth>",
           f"<response xmlns='{sasl}'>{plain}</response>",
           f"<auth xmlns='{sasl}' mechanism='PLAIN'>{plain}</auth" + "\0>",
           f"<message><body>{WORDS['body']}</body></message>")
    broken(server, "plain", f"<auth xmlns='{sasl}' mechanism='PLAIN'>{plain}</auth>",
           f"<{WORDS['broken']}>", f"&{WORDS['broken']};", f"<!--{WORDS['broken']}-->")


def registration(server):
    def ask(client, user, password):
        return client.ask("set", "<query xmlns='jabber:iq:register'>"
                          f"<username>{escape(user)}</username><password>{password}</password></query>")
    with server.client("tls") as client:
        check("an account is made in-band", ask(client, "eve", WORDS["ibr"]).get("type") == "result")
    with server.client("tls") as client:
        check("not twice", ask(client, "eve", WORDS["ibr"]).condition == "conflict")
    with server.client("tls") as client:
        check("nor with a bad name", ask(client, "a b@c", WORDS["ibr"]).get("type") == "error")
    with server.login("eve", password=WORDS["ibr"]) as eve:
        check("it changes its password", ask(eve, "eve", WORDS["new"]).get("type") == "result")


def stanzas(server):
    bob = server.login("bob", password=WORDS["password"])
    bob.available(f"<status>{WORDS['status']}</status>")
    with server.login("alice", "phone", password=WORDS["password"]) as alice:
        alice.available(f"<status>{WORDS['status']}</status>")
        inside = f"<subject>{WORDS['subject']}</subject><body>{WORDS['body']}</body>"
        for to in (bob.jid, "bob@localhost", "nobody@localhost", "eve@localhost", "x@elsewhere.test", "localhost"):
            for kind in ("chat", "normal", "groupchat", "headline", WORDS["unknown"]):
                alice.send(f"<message type='{kind}' to='{to}' id='m'>{inside}</message>")
        alice.ask("set", f"<query xmlns='jabber:iq:private'><x xmlns='test:x'>{WORDS['private']}</x></query>")
        alice.ask("get", "<query xmlns='jabber:iq:private'><x xmlns='test:x'/></query>")
        alice.ask("set", f"<vCard xmlns='vcard-temp'><NOTE>{WORDS['card']}</NOTE></vCard>")
        alice.ask("get", "<vCard xmlns='vcard-temp'/>", to="alice@localhost")
        alice.ask("set", f"<{WORDS['unknown']} xmlns='{WORDS['unknown']}'>{WORDS['body']}</{WORDS['unknown']}>")
        alice.ask("set", f"<query xmlns='jabber:iq:private'>{WORDS['private']}</query>")
        alice.send(f"<message to='a@@@' from='mallory@localhost'>{inside}</message>")
        check("a stanza in another's name ends the stream", alice.ended())
    for text in (f"<message><body>{WORDS['broken']}</message></message>", f"<{WORDS['broken']}/>",
                 f"<message>&{WORDS['broken']};</message>", "<message><body>" + WORDS["broken"] * 80000):
        with server.login("alice", password=WORDS["password"]) as alice:
            alice.send(text)
            check(f"{text[:20]} ends the stream", alice.ended(10))
    bob.close()


def commands(server):
    secret = WORDS["command"]
    for words in (("register", "carol", "localhost", secret), ("register", "carol", "localhost", secret),
                  ("register", "a b", "localhost", secret), ("register", "x", "nowhere.test", secret),
                  ("register", "x", "localhost", secret, secret), ("register", "x", secret),
                  ("change_password", "carol", "localhost", secret + "2"), ("change_password", "nobody", "localhost", secret),
                  ("check_password", "carol", "localhost", secret), ("check_password", "carol", "localhost", secret + "2"),
                  ("send_message", "chat", "alice@localhost", "bob@localhost", WORDS["subject"], WORDS["body"]),
                  ("send_message", "chat", "alice@localhost", "bob@localhost", WORDS["subject"], WORDS["body"], secret),
                  ("chnge_password", "carol", "localhost", secret)):
        server.ctl(*words)
    server.ctl("change_password", "carol", "localhost", "-", stdin=secret + "3")
    for text in (json.dumps({"command": secret, "args": [secret]}), f"{{{secret}", secret, json.dumps({secret: secret})):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(server.data / "bongsuctl.sock"))
            control.sendall(text.encode() + b"\n")
            control.recv(1000)


def forgery(server):
    """Peers and administrators write line ends and escapes."""
    for words in (("ban_account", "eve", "localhost", HOSTILE), ("kick_session", "alice", "localhost", HOSTILE, HOSTILE),
                  ("register", HOSTILE, "localhost", "x"), (HOSTILE, HOSTILE)):
        check(f"{words[0][:20]!r} with line ends is refused", server.ctl(*words).code in (1, 2))
    for user in (HOSTILE, "x from 192.0.2.9: y", "a\u202eb"):
        with server.client("tls") as client:
            client.authenticate(user, WORDS["wrong"], "SCRAM-SHA-1")


def secrets():
    """All that must not be there, as it was and as it was sent."""
    found = [SECRET, *re.findall(r'password: "([^"]+)"', STORE)]
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + SECRET.encode()).decode()
        found.append(text[4 if shift else 0:-4])
    return found


def everything(server):
    for user in ("alice", "bob", "carol", "eve"):  # the second server finds them in MariaDB
        server.ctl("unregister", user, "localhost")
    server.register("alice", "bob", password=WORDS["password"])
    for part in (logins, registration, stanzas, commands, forgery):
        part(server)
    server.stop()


def never(log):
    for secret in secrets():
        lines = [line for line in log.splitlines() if secret in line]
        check(f"the log has no {secret[:6]}... in {len(log.splitlines())} lines", not lines, lines[:3])


def text():
    with Server("text", modules={"register": {"open": True}}, log={"file": "text.out", "level": "trace"}) as server:
        everything(server)
        log = server.log()
    never(log)
    never(server.err_path.read_text())
    odd = [line for line in log.splitlines() if not re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn |info |debug|trace) \w+ \S+ \S.*", line)]
    check("each line is an event", not odd, odd[:3])
    check("nobody forges a line", not re.search(f"^{FORGED}|[\r\x1b\u202e]", log, re.M))
    life = [re.findall(rf" c2s {number} (\w+)", log) for number in set(re.findall(r" c2s (c2s-\S+) ", log))]
    check("a connection has one id from accept to close",
          life and all(words[0] == "accepted" and words[-1] == "closed" for words in life), life)
    fail2ban(log)


def fail2ban(log):
    """The filter finds the failed logins, and none that a name invents."""
    path = Path(os.environ["BONGSU_SOURCE"]) / "contrib/fail2ban/bongsu.conf"
    patterns = re.findall(r"^(?:failregex =| {12})\s*(\S.*)$", path.read_text(encoding="utf-8"), re.M)
    regex = patterns[0].replace("<HOST>", r"(?P<host>\S+)")
    found = [m["host"] for m in (re.search(regex, line) for line in log.splitlines()) if m]
    check("fail2ban's filter finds failed logins", len(found) >= 3 and set(found) == {"127.0.0.1"}, found)
    count = len(re.findall(" Failed c2s ", log))
    check("all of them", len(found) == count, (len(found), count))
    return patterns


def as_json():
    with Server("json", modules={"register": {"open": True}},
                log={"file": "json.out", "level": "trace", "format": "json"}) as server:
        everything(server)
        log = server.log()
    never(log)
    events = [json.loads(line) for line in log.splitlines()]
    check("each line is a JSON object of time, level, area and message",
          events and all({"time", "level", "area", "message"} <= set(e) <= {"time", "level", "area", "message", "id"} for e in events))
    check("nobody forges an event", not [e for e in events if e["message"].startswith("forged")])


run(text, as_json)
