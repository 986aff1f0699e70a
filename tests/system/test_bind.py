#!/usr/bin/env python3
"""Resource binding (RFC 6120 7): the client's resource or the server's, prepared, in conflict, too many of them; what may
come before and after it; features (XEP-0170), limits that are announced (XEP-0478), and a session that is asked for.
"""
from bongsu import Server, check, run

BIND = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
SESSION = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"
server = Server(c2s={"max_sessions": 3})


def start():
    server.start()
    server.register("alice", "bob", *(f"user{n}" for n in range(8)))


def authenticated(user="alice"):
    client = server.client()
    client.authenticate(user, "secret")
    client.open()
    return client


def features():
    client = server.client()
    limits = "{urn:xmpp:stream-limits:0}limits/{urn:xmpp:stream-limits:0}"
    check("before authentication 10 KB are announced", client.features.text(limits + "max-bytes") == "10000", client.features)
    check("no binding yet", client.features.find("bind:bind") is None, client.features)
    client = authenticated()
    names = [child.tag.partition("}")[2] for child in client.features.xml]
    check("after it binding, and nothing of authentication", names[0] == "bind" and not {"mechanisms", "starttls"} & {*names},
          names)
    check("1 MiB is announced", client.features.text(limits + "max-bytes") == "1048576", client.features)
    check("and the silence after which a client counts as gone", client.features.text(limits + "idle-seconds") == "330",
          client.features)
    check("a session is optional", client.features.find("{urn:ietf:params:xml:ns:xmpp-session}session/"
                                                        "{urn:ietf:params:xml:ns:xmpp-session}optional") is not None)


def resources():
    made = set()
    for _ in range(20):
        client = authenticated()
        answer = client.bind()
        made.add(client.jid)
        client.ends()
    check("the server makes a resource, each time another", len(made) == 20 and
          all(jid.startswith("alice@localhost/") and len(jid) >= 28 for jid in made), made)
    for asked, given in [("phone", "phone"), ("a b", "a b"), ("\u00e9\U0001f600", "\u00e9\U0001f600"), ("I\u00adX", "IX"),
                         ("\u2168", "IX"), ("Phone", "Phone"), ("a/b@c<&>'\"", "a/b@c<&>'\""), ("x" * 1023, "x" * 1023)]:
        client = authenticated()
        answer = client.bind(asked)
        check(f"{asked[:20]!r} becomes {given[:20]!r}", client.jid == f"alice@localhost/{given}", answer)
        client.ends()
    for what, asked in [("an empty resource", ""), ("one that is too long", "x" * 1024),
                        ("both directions of writing", "\u0627a1"), ("a character that none may have", "a\u2028\ufffd\ue000")]:
        client = authenticated()
        answer = client.bind(asked)
        check(f"{what} is replaced", client.jid and client.jid.startswith("alice@localhost/") and
              client.jid != f"alice@localhost/{asked}", answer)
        client.ends()
    for n in range(8):
        client = server.login(f"user{n}", "same")
        check(f"user{n} has its own", client.jid == f"user{n}@localhost/same" and client.sync())


def conflicts():
    first, bob = server.login("alice", "r"), server.login("bob", "r")
    first.available()
    second = server.login("alice", "r")
    check("the newer session of a resource takes the place of the older", first.ended() == "conflict", first.got)
    check("others of that name do not mind", bob.sync() and second.sync())
    others = [server.login("alice", name) for name in ("two", "three")]
    client = authenticated()
    answer = client.bind("four")
    check("too many sessions: resource-constraint", answer.condition == "resource-constraint" and
          answer.find("c:error").get("type") == "wait", answer)
    answer = client.bind("r")
    check("in the place of another it is well", client.jid == "alice@localhost/r" and second.ended() == "conflict", answer)
    others[0].ends()
    late = authenticated()
    check("and when one has left", late.bind("four").get("type") == "result")


def order():
    for what, text in [("a message", "<message to='bob@localhost'/>"), ("presence", "<presence/>"),
                       ("another iq", "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>"),
                       ("binding by get", f"<iq type='get' id='1'>{BIND}</iq>"), ("a session", f"<iq type='set' id='1'>{SESSION}</iq>")]:
        client = authenticated("bob")
        client.send(text)
        check(f"{what} before binding: not-authorized", client.ended() == "not-authorized", client.got)
    client = server.login("bob", "r")
    answer = client.ask("set", BIND)
    check("binding again: not-allowed", answer.condition == "not-allowed", answer)
    for to in (None, "localhost", "bob@localhost"):
        answer = client.ask("set", SESSION, to)
        check(f"a session, to {to}: nothing to do", answer.get("type") == "result" and len(answer.xml) == 0, answer)
    check("the stream goes on", client.sync())
    client.ends()
    client = server.client()
    client.authenticate("bob", "secret")
    client.open()
    client.send(f"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>hasty</resource></bind></iq>"
                "<presence/><message to='bob@localhost/hasty' id='m'/><iq type='get' id='p' to='localhost'>"
                "<ping xmlns='urn:xmpp:ping'/></iq>")
    ids = [client.wait(f"id='{i}'").get("id") for i in "bmp"]
    check("what comes behind the request is handled after it", ids == ["b", "m", "p"], ids)
    client = authenticated("user1")
    server.ctl("unregister", "user1", "localhost")
    client.send(f"<iq type='set' id='1'>{BIND}</iq>")
    check("an account that is gone meanwhile: not-authorized", client.ended() == "not-authorized", client.got)


run(start, features, resources, conflicts, order, server.stop)
