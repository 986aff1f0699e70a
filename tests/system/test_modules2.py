#!/usr/bin/env python3
"""What small modules answer: version, time, last activity, vCard and private XML, and who may ask for what."""
import re
import sys
from pathlib import Path

from test_cli import WAIT, Client, Server, check, counts, ctl, gives


class Asker(Client):
    def ask(self, kind, payload, to=None):
        """The answer to an iq."""
        self.send(f"<iq type='{kind}' id='q'" + (f" to='{to}'" if to else "") + f">{payload}</iq>")
        return self.expect(r"<iq [^>]*id='q'[^>]*?(/>|>.*?</iq>)")[0]

    def gives(self, what, pattern, *question, **more):
        answer = self.ask(*question, **more)
        return check(what, re.search(pattern, answer, re.S), answer)


LAST = "<query xmlns='jabber:iq:last'/>"
CARD = "<vCard xmlns='vcard-temp'><FN>Alice &amp; co</FN></vCard>"
NO_CARD = "<vCard xmlns='vcard-temp'/>"
REFUSED = "type='error'.*<service-unavailable "


def private(inside):
    return f"<query xmlns='jabber:iq:private'>{inside}</query>"


def host(alice):
    alice.gives("the version is told", "<name>Bongsu</name><version>[0-9]", "get",
                "<query xmlns='jabber:iq:version'/>", to="localhost")
    alice.gives("the time is told", r"<tzo>[+-]\d\d:\d\d</tzo><utc>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z</utc>",
                "get", "<time xmlns='urn:xmpp:time'/>", to="localhost")
    alice.gives("the uptime is told", "type='result'.*seconds='[0-9]+'", "get", LAST, to="localhost")


def vcards(alice, bob):
    alice.gives("a card that was never written is empty", "type='result'.*<vCard xmlns='vcard-temp'/>", "get", NO_CARD)
    errors = [re.sub("alice|nobody", "X", bob.ask("get", NO_CARD, to=f"{name}@localhost")) for name in ("alice", "nobody")]
    check("no card and no account look alike", errors[0] == errors[1] and re.search(REFUSED, errors[0]), errors)
    alice.gives("the own card is written", "type='result'", "set", CARD)
    alice.gives("and read", re.escape(CARD), "get", NO_CARD)
    bob.gives("others read it", re.escape(CARD), "get", NO_CARD, to="alice@localhost")
    errors = [re.sub("alice|nobody", "X", bob.ask("set", CARD, to=f"{name}@localhost")) for name in ("alice", "nobody")]
    check("nobody writes another's", errors[0] == errors[1] and re.search(REFUSED, errors[0]), errors)
    big = "<vCard xmlns='vcard-temp'><NOTE>" + "x" * 270000 + "</NOTE></vCard>"
    alice.gives("a big one is refused", "<not-acceptable ", "set", big)
    alice.gives("which leaves the old one", re.escape(CARD), "get", NO_CARD)


def privates(alice, bob):
    one = "<a xmlns='test:x'><b c='1'>text</b></a>"
    alice.gives("what was never kept is empty", "<a xmlns='test:x'/></query>", "get", private("<a xmlns='test:x'/>"))
    alice.gives("an element is kept", "type='result'", "set", private(one + "<a xmlns='test:y'>other</a>"))
    alice.gives("and read", re.escape(one), "get", private("<a xmlns='test:x'/>"))
    alice.gives("by its namespace", "<a xmlns='test:y'>other</a>", "get", private("<a xmlns='test:y'/>"))
    alice.gives("and name", "<z xmlns='test:x'/>", "get", private("<z xmlns='test:x'/>"))
    bob.gives("for each user", "<a xmlns='test:x'/>", "get", private("<a xmlns='test:x'/>"))
    bob.gives("others cannot read", REFUSED, "get", private("<a xmlns='test:x'/>"), to="alice@localhost")
    bob.gives("nor write", REFUSED, "set", private(one), to="alice@localhost")
    alice.gives("a second one replaces the first", "type='result'", "set", private("<a xmlns='test:x'>new</a>"))
    alice.gives("which is gone", "<a xmlns='test:x'>new</a></query>", "get", private("<a xmlns='test:x'/>"))
    alice.gives("an empty one deletes", "type='result'", "set", private("<a xmlns='test:y'/>"))
    alice.gives("what was kept", "<a xmlns='test:y'/></query>", "get", private("<a xmlns='test:y'/>"))
    alice.gives("two cannot be asked for at once", "<not-acceptable ", "get", private("<a xmlns='q'/><b xmlns='q'/>"))
    alice.gives("nothing cannot be asked for", "<bad-request ", "get", private(""))
    alice.gives("nothing cannot be kept", "<bad-request ", "set", private(""))
    alice.gives("an element needs a namespace", "<bad-request ", "set", private("<a>1</a>"))
    many = "".join(f"<a xmlns='test:{i}'>1</a>" for i in range(17))
    alice.gives("many at once are refused", "<not-acceptable ", "set", private(many))
    alice.gives("a big one is refused", "<not-acceptable ", "set", private(f"<a xmlns='test:x'>{'x' * 270000}</a>"))
    for first in range(0, 96, 16):
        alice.ask("set", private("".join(f"<a xmlns='m:{i}'>1</a>" for i in range(first, first + 16))))
    four = "".join(f"<a xmlns='n:{i}'>1</a>" for i in range(4))
    alice.gives("too many are refused", "type='error'.*<resource-constraint ", "set", private(four))
    alice.gives("none of them is kept", "<a xmlns='n:0'/></query>", "get", private("<a xmlns='n:0'/>"))
    alice.gives("a hundred are allowed", "type='result'", "set", private(four.replace("<a xmlns='n:3'>1</a>", "")))
    alice.gives("no more", "<resource-constraint ", "set", private("<a xmlns='more'>1</a>"))
    alice.gives("but a kept one can be changed", "type='result'", "set", private("<a xmlns='m:1'>2</a>"))


def last_activity(alice, bob):
    bob.gives("strangers are not told", "<forbidden ", "get", LAST, to="alice@localhost")
    gives("before the first time", 0, re.compile("^20..-.*Z\tNOT FOUND\n$"), "get_last", "alice", "localhost")
    gives("bob is made a contact", 0, "", "add_rosteritem", "alice", "localhost", "bob", "localhost", "bob", "", "both")
    bob.gives("contacts are told, but there is nothing", "<item-not-found ", "get", LAST, to="alice@localhost")
    alice.available()
    bob.gives("an online account has 0 seconds", "seconds='0'/>", "get", LAST, to="alice@localhost")
    gives("and is ONLINE", 0, re.compile("^20..-.*Z\tONLINE\n$"), "get_last", "alice", "localhost")
    alice.send("<presence type='unavailable'><status>on &lt;leave></status></presence>")
    alice.ask("get", LAST)  # the presence was dealt with
    bob.gives("the status is told", "seconds='[0-9]'>on &lt;leave&gt;</query>", "get", LAST, to="alice@localhost")
    gives("set_last", 0, "", "set_last", "alice", "localhost", "1000000000", "long ago")
    gives("get_last", 0, "2001-09-09T01:46:40.000Z\tlong ago\n", "get_last", "alice", "localhost")
    gives("set_last without an account", 1, "", "set_last", "nobody", "localhost", "1", "x", err="not_found")
    gives("get_last without an account", 1, "", "get_last", "nobody", "localhost", err="not_found")
    bob.gives("the new status is told", "seconds='[0-9]{9}'>long ago</query>", "get", LAST, to="alice@localhost")


def deletion(alice):
    gives("the account is deleted", 0, re.compile("unregistered"), "unregister", "alice", "localhost")
    gives("and made again", 0, re.compile("registered"), "register", "alice", "localhost", "secret")
    alice.socket.close()


def after(alice):
    alice.gives("the card is gone", "type='result'.*<vCard xmlns='vcard-temp'/>", "get", NO_CARD)
    alice.gives("the private element is gone", "<a xmlns='test:x'/></query>", "get", private("<a xmlns='test:x'/>"))
    gives("the last activity is gone", 0, re.compile("\tNOT FOUND\n$"), "get_last", "alice", "localhost")


def leave(server):
    bob = Asker(server.port, "bob", "localhost", "secret", "r")
    bob.available()
    bob.send("<presence type='unavailable'><status>gone home</status></presence>")
    bob.ask("get", LAST)
    bob.socket.close()
    gives("stop", 0, "", "stop")
    check("the server ended well", server.process.wait(WAIT) == 0, server.process.returncode)


def again():
    """What the last session left is on disk."""
    Path("server.log").unlink()
    server = Server()
    try:
        if check("the server starts again", server.ready()):
            gives("the last status was kept", 0, re.compile("\tgone home\n$"), "get_last", "bob", "localhost")
            gives("stop again", 0, "", "stop")
            server.process.wait(WAIT)
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


def main():
    started = Server()
    try:
        if check("the server starts", started.ready()):
            for name in ("alice", "bob"):
                ctl("register", name, "localhost", "secret")
            alice, bob = (Asker(started.port, name, "localhost", "secret", "r") for name in ("alice", "bob"))
            host(alice)
            vcards(alice, bob)
            privates(alice, bob)
            last_activity(alice, bob)
            deletion(alice)
            after(Asker(started.port, "alice", "localhost", "secret", "r"))
            bob.socket.close()
            leave(started)
            again()
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait()
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, 0 skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
