#!/usr/bin/env python3
"""What small modules answer: service discovery, ping, version, time, last activity, vCard and private XML, and who may ask
for what."""
import re
from datetime import datetime, timedelta, timezone

from bongsu import Server, check, run

server = Server()


def ask(client, *question, **more):
    """The answer to the question (see Client.ask: kind, payload, to), without what differs each time."""
    return re.sub(" id='q[0-9]+'", "", client.ask(*question, **more).raw)


def gives(client, what, pattern, *question, **more):
    answer = ask(client, *question, **more)
    return check(what, re.search(pattern, answer, re.S), answer)


def ctl(what, out, *arguments, err=""):
    """bongsuctl prints out, or complains err."""
    done = server.ctl(*arguments)
    check(what, done.code == bool(err) and re.search(out, done.out) and err in done.err, done)


LAST = "<query xmlns='jabber:iq:last'/>"
CARD = "<vCard xmlns='vcard-temp'><FN>Alice &amp; co</FN></vCard>"
NO_CARD = "<vCard xmlns='vcard-temp'/>"
REFUSED = "type='error'.*<service-unavailable "


def private(inside):
    return f"<query xmlns='jabber:iq:private'>{inside}</query>"


PING = "<ping xmlns='urn:xmpp:ping'/>"
VERSION = "<query xmlns='jabber:iq:version'/>"
TIME = "<time xmlns='urn:xmpp:time'/>"
INFO, ITEMS = "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"


def host(alice):
    gives(alice, "the version is told", "<name>Bongsu</name><version>[0-9]", "get", VERSION, to="localhost")
    check("but not the operating system", "<os>" not in ask(alice, "get", VERSION, to="localhost"))
    gives(alice, "the uptime is told", "type='result'.*seconds='[0-9]+'", "get", LAST, to="localhost")
    for what in (VERSION, TIME, LAST, PING):
        gives(alice, f"{what} cannot be set", "<feature-not-implemented ", "set", what, to="localhost")


def times(alice):
    """XEP-0202, on a server whose zone is nine hours ahead."""
    before = datetime.now(timezone.utc)
    answer = alice.ask("get", TIME, to="localhost")
    told = answer.text("{urn:xmpp:time}time/{urn:xmpp:time}utc")
    check("the time is that of now, in UTC", told.endswith("Z") and before - timedelta(seconds=1) <=
          datetime.fromisoformat(told.replace("Z", "+00:00")) <= datetime.now(timezone.utc) + timedelta(seconds=1), told)
    check("the zone is the server's", answer.text("{urn:xmpp:time}time/{urn:xmpp:time}tzo") == "+09:00", answer)


def pings(alice, bob):
    """XEP-0199: the host, the own account, other sessions; other accounts are nobody's business."""
    for to in ("localhost", "alice@localhost", None):
        answer = alice.ask("get", PING, to=to)
        check(f"{to or 'nobody in particular'} answers", answer.get("type") == "result" and
              answer.get("from") in (to, "alice@localhost") and len(answer.xml) == 0, answer)
    for to in ("bob@localhost", "nobody@localhost", f"{bob.bare}/gone", "nobody@localhost/x"):
        gives(alice, f"{to} does not", f"from='{to}'.*<service-unavailable ", "get", PING, to=to)
    alice.send(f"<iq type='get' id='p' to='{bob.jid}'>{PING}</iq>")
    asked = bob.wait("id='p'")
    bob.send(f"<iq type='result' id='p' to='{asked.get('from')}'/>")
    check("a session is asked itself", alice.wait("id='p'").get("from") == bob.jid)


def disco(client, ns, **where):
    node = where.pop("node", None)
    return client.ask("get", f"<query xmlns='{ns}'" + (f" node='{node}'" if node else "") + "/>", **where)


def discovery(alice, bob):
    """XEP-0030: what an answer must have, and who gets which."""
    for to, identity in (("localhost", ("server", "im")), ("alice@localhost", ("account", "registered")), (None, (
            "account", "registered"))):
        answer = disco(alice, INFO, to=to)
        query = answer.find(f"{{{INFO}}}query")
        identities = [(i.get("category"), i.get("type"), i.get("{http://www.w3.org/XML/1998/namespace}lang")) for i in
                      query.findall(f"{{{INFO}}}identity")]
        features = [f.get("var") for f in query.findall(f"{{{INFO}}}feature")]
        check(f"{to}: what it is", (*identity, None) in identities and len(set(identities)) == len(identities), answer)
        check(f"{to}: what it can", {INFO, ITEMS} <= set(features) and len(set(features)) == len(features) and
              all(features), answer)
        answer = disco(alice, ITEMS, to=to)
        check(f"{to}: items have addresses", answer.get("type") == "result" and
              all(i.get("jid") for i in answer.find(f"{{{ITEMS}}}query")), answer)
        for ns in (INFO, ITEMS):
            check(f"{to}: an unknown node ({ns[-5:]})", disco(alice, ns, to=to, node="urn:none").condition == "item-not-found")
    features = disco(alice, INFO, to="localhost").raw
    for feature in ("urn:xmpp:ping", "jabber:iq:version", "urn:xmpp:time", "jabber:iq:last", "jabber:iq:register", "vcard-temp",
                    "urn:xmpp:blocking", "msgoffline"):
        check(f"{feature} is announced", f"<feature var='{feature}'/>" in features, features)
    for to in ("alice@localhost", "nobody@localhost"):
        for node in (None, "urn:none"):
            check(f"a stranger sees nothing of {to} {node}", disco(bob, INFO, to=to, node=node).condition ==
                  "service-unavailable")
            answer = disco(bob, ITEMS, to=to, node=node)
            check(f"nor its items {node}", answer.get("type") == "result" and len(answer.xml[0]) == 0, answer)
    ctl("a contact", "", "add_rosteritem", "alice", "localhost", "bob", "localhost", "bob", "", "from")
    check("sees it", "category='account'" in disco(bob, INFO, to="alice@localhost").raw)
    ctl("no contact any more", "", "delete_rosteritem", "alice", "localhost", "bob", "localhost")


def vcards(alice, bob):
    gives(alice, "a card that was never written is empty", "type='result'.*<vCard xmlns='vcard-temp'/>", "get", NO_CARD)
    errors = [re.sub("alice|nobody", "X", ask(bob, "get", NO_CARD, to=f"{name}@localhost")) for name in ("alice", "nobody")]
    check("no card and no account look alike", errors[0] == errors[1] and re.search(REFUSED, errors[0]), errors)
    gives(alice, "the own card is written", "type='result'", "set", CARD)
    gives(alice, "and read", re.escape(CARD), "get", NO_CARD)
    gives(bob, "others read it", re.escape(CARD), "get", NO_CARD, to="alice@localhost")
    errors = [re.sub("alice|nobody", "X", ask(bob, "set", CARD, to=f"{name}@localhost")) for name in ("alice", "nobody")]
    check("nobody writes another's", errors[0] == errors[1] and "<forbidden " in errors[0], errors)
    big = "<vCard xmlns='vcard-temp'><NOTE>" + "x" * 270000 + "</NOTE></vCard>"
    gives(alice, "a big one is refused", "<not-acceptable ", "set", big)
    gives(alice, "which leaves the old one", re.escape(CARD), "get", NO_CARD)


def privates(alice, bob):
    one = "<a xmlns='test:x'><b c='1'>text</b></a>"
    gives(alice, "what was never kept is empty", "<a xmlns='test:x'/></query>", "get", private("<a xmlns='test:x'/>"))
    gives(alice, "an element is kept", "type='result'", "set", private(one + "<a xmlns='test:y'>other</a>"))
    gives(alice, "and read", re.escape(one), "get", private("<a xmlns='test:x'/>"))
    gives(alice, "by its namespace", "<a xmlns='test:y'>other</a>", "get", private("<a xmlns='test:y'/>"))
    gives(alice, "and name", "<z xmlns='test:x'/>", "get", private("<z xmlns='test:x'/>"))
    gives(bob, "for each user", "<a xmlns='test:x'/>", "get", private("<a xmlns='test:x'/>"))
    gives(bob, "others cannot read", REFUSED, "get", private("<a xmlns='test:x'/>"), to="alice@localhost")
    gives(bob, "nor write", REFUSED, "set", private(one), to="alice@localhost")
    gives(alice, "a second one replaces the first", "type='result'", "set", private("<a xmlns='test:x'>new</a>"))
    gives(alice, "which is gone", "<a xmlns='test:x'>new</a></query>", "get", private("<a xmlns='test:x'/>"))
    gives(alice, "an empty one deletes", "type='result'", "set", private("<a xmlns='test:y'/>"))
    gives(alice, "what was kept", "<a xmlns='test:y'/></query>", "get", private("<a xmlns='test:y'/>"))
    gives(alice, "two cannot be asked for at once", "<not-acceptable ", "get", private("<a xmlns='q'/><b xmlns='q'/>"))
    gives(alice, "nothing cannot be asked for", "<bad-request ", "get", private(""))
    gives(alice, "nothing cannot be kept", "<not-acceptable ", "set", private(""))
    gives(alice, "an element needs a namespace", "<not-acceptable ", "set", private("<a>1</a>"))
    many = "".join(f"<a xmlns='test:{i}'>1</a>" for i in range(17))
    gives(alice, "many at once are refused", "<not-acceptable ", "set", private(many))
    gives(alice, "a big one is refused", "<not-acceptable ", "set", private(f"<a xmlns='test:x'>{'x' * 270000}</a>"))
    for first in range(0, 96, 16):
        alice.ask("set", private("".join(f"<a xmlns='m:{i}'>1</a>" for i in range(first, first + 16))))
    four = "".join(f"<a xmlns='n:{i}'>1</a>" for i in range(4))
    gives(alice, "too many are refused", "type='error'.*<resource-constraint ", "set", private(four))
    gives(alice, "none of them is kept", "<a xmlns='n:0'/></query>", "get", private("<a xmlns='n:0'/>"))
    gives(alice, "a hundred are allowed", "type='result'", "set", private(four.replace("<a xmlns='n:3'>1</a>", "")))
    gives(alice, "no more", "<resource-constraint ", "set", private("<a xmlns='more'>1</a>"))
    gives(alice, "but a kept one can be changed", "type='result'", "set", private("<a xmlns='m:1'>2</a>"))


def last_activity(bob):
    carol = {"to": "carol@localhost"}
    gives(bob, "strangers are not told", "<forbidden ", "get", LAST, **carol)
    ctl("before the first time", "^20..-.*Z\tNOT FOUND\n$", "get_last", "carol", "localhost")
    ctl("bob is made a contact", "", "add_rosteritem", "carol", "localhost", "bob", "localhost", "bob", "", "both")
    gives(bob, "contacts are told, but there is nothing", "<item-not-found ", "get", LAST, **carol)
    with server.login("carol", "r") as session:
        gives(bob, "a connected account has 0 seconds", "seconds='0'/>", "get", LAST, **carol)
        gives(session, "the owner is told, too", "seconds='0'/>", "get", LAST)
        session.available()
        gives(bob, "as an available one", "seconds='0'/>", "get", LAST, **carol)
        ctl("and is ONLINE", "^20..-.*Z\tONLINE\n$", "get_last", "carol", "localhost")
        session.send("<presence type='unavailable'><status>on &lt;leave></status></presence>")
        session.ends()
    gives(bob, "the status is told", "seconds='[0-9]'>on &lt;leave&gt;</query>", "get", LAST, **carol)
    gives(bob, "a session that is gone is not told", "<service-unavailable ", "get", LAST, to="carol@localhost/r")
    ctl("set_last", "^$", "set_last", "carol", "localhost", "1000000000", "long ago")
    ctl("get_last", "2001-09-09T01:46:40.000Z\tlong ago\n", "get_last", "carol", "localhost")
    ctl("set_last without an account", "", "set_last", "nobody", "localhost", "1", "x", err="not_found")
    ctl("get_last without an account", "", "get_last", "nobody", "localhost", err="not_found")
    gives(bob, "the new status is told", "seconds='[0-9]{9}'>long ago</query>", "get", LAST, **carol)


def deletion(alice):
    for name in ("alice", "carol"):
        ctl("the account is deleted", "unregistered", "unregister", name, "localhost")
        ctl("and made again", "registered", "register", name, "localhost", "secret")
    alice.close()


def after(alice):
    gives(alice, "the card is gone", "type='result'.*<vCard xmlns='vcard-temp'/>", "get", NO_CARD)
    gives(alice, "the private element is gone", "<a xmlns='test:x'/></query>", "get", private("<a xmlns='test:x'/>"))
    ctl("the last activity is gone", "\tNOT FOUND\n$", "get_last", "carol", "localhost")


def leave():
    bob = server.login("bob")
    bob.available()
    bob.send("<presence type='unavailable'><status>gone home</status></presence>")
    bob.sync()
    bob.close()
    server.restart()
    ctl("the last status is on disk", "\tgone home\n$", "get_last", "bob", "localhost")
    server.stop()


def small_modules():
    try:
        server.start({"TZ": "KST-9"})
        server.register("alice", "bob", "carol")
        alice, bob = server.login("alice"), server.login("bob")
        host(alice)
        times(alice)
        pings(alice, bob)
        discovery(alice, bob)
        vcards(alice, bob)
        privates(alice, bob)
        last_activity(bob)
        deletion(alice)
        after(server.login("alice"))
        bob.close()
        leave()
    finally:
        server.kill()


run(small_modules)
