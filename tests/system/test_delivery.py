#!/usr/bin/env python3
"""RFC 6121 section 8: who gets a message, presence or iq, for every type and every state of the recipient.

The table below is that of 8.5.4 with the choices that docs/decisions explain. Each cell is tried with a real recipient:
one that does not exist, one that is away, and ones with sessions that are connected, available with negative priority,
or available. What nobody took must be there at the next login, in order and with its time, or must have come back as
an error, or be gone, as the table says. Strangers must not be able to tell who exists from any answer.
"""
import itertools
import re

from bongsu import Server, check, run

TYPES = ("normal", "chat", "groupchat", "headline", "error")
# What the recipient's sessions are: name and presence (None: connected only).
SITUATIONS = {
    "nobody": None,
    "away": {},
    "connected": {"mute": None},
    "negative": {"low": -1},
    "one": {"a": 0},
    "several": {"a": 0, "b": 5, "low": -1, "mute": None},
}
# Per situation and address, what happens to each of TYPES: "-" nothing, "E" an error, "O" kept for later, "D" the
# addressed session gets it, "A" all that are available with a priority that is not negative.
TABLE = """
nobody      bare   -  -  E  -  -
nobody      gone   -  -  E  -  -
away        bare   O  O  E  -  -
away        gone   O  O  E  -  -
connected   bare   O  O  E  -  -
connected   mute   D  D  D  D  D
connected   gone   O  O  E  -  -
negative    bare   O  O  E  -  -
negative    low    D  D  D  D  D
negative    gone   O  O  E  -  -
one         bare   A  A  E  A  -
one         a      D  D  D  D  D
one         gone   A  A  E  -  -
several     bare   A  A  E  A  -
several     a      D  D  D  D  D
several     low    D  D  D  D  D
several     mute   D  D  D  D  D
several     gone   A  A  E  -  -
"""
DELAY = "{urn:xmpp:delay}delay"
PING = "<ping xmlns='urn:xmpp:ping'/>"
marks = (f"m{n}" for n in itertools.count())


def enter(server, name, sessions):
    entered = {}
    for resource, priority in sessions.items():
        entered[resource] = server.login(name, resource)
        if priority is not None:
            entered[resource].available(f"<priority>{priority}</priority>")
    for session in entered.values():
        session.sync().take()
    return entered


def passed(sender, bare):
    """What the sender sent to that address was dealt with: an iq takes the same way and is answered in any case."""
    sender.ask("get", PING, to=bare)


def one_cell(sender, bare, sessions, address, kind, outcome):
    """Sends it and compares; the mark, if it must be kept."""
    mark = next(marks)
    to = bare if address == "bare" else f"{bare}/{address}"
    error = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    sender.send(f"<message to='{to}' id='{mark}' type='{kind}'><body>{mark}</body>{error if kind == 'error' else ''}</message>")
    passed(sender, bare)
    answers = [e.condition for e in sender.take() if e.get("id") == mark]
    got = {name for name, session in sessions.items()
           for e in session.sync().take() if e.get("id") == mark and e.get("to") == to and e.text("c:body") == mark}
    wide = {name for name in sessions if name in ("a", "b")}
    wanted = {"D": {address}, "A": wide}.get(outcome, set())
    what = f"{kind} to {address}"
    check(f"{what}: {sorted(wanted) or 'no session'} got it", got == wanted, got)
    check(f"{what}: {'an error' if outcome == 'E' else 'no answer'}",
          answers == (["service-unavailable"] if outcome == "E" else []), answers)
    return [mark] if outcome == "O" else []


def cells():
    with Server("cells") as server:
        server.register("cell-s", *(f"cell-{s}" for s, sessions in SITUATIONS.items() if sessions is not None))
        sender = server.login("cell-s")
        for situation, states in SITUATIONS.items():
            print(f"---- {situation}")
            bare = f"cell-{situation}@localhost"
            sessions = enter(server, f"cell-{situation}", states or {})
            kept = []
            for row in TABLE.strip().splitlines():
                name, address, *outcomes = row.split()
                if name == situation:
                    for kind, outcome in zip(TYPES, outcomes):
                        kept += one_cell(sender, bare, sessions, address, kind, outcome)
            for session in sessions.values():
                session.ends()
            if states is not None:
                with server.login(f"cell-{situation}", "later") as later:
                    later.available()
                    got = [later.wait(lambda e: e.name == "message") for _ in kept]
                    later.sync()
                    got += [e for e in later.take() if e.name == "message"]
                    check(f"{situation}: what was kept is told at the next login, in order",
                          [e.get("id") for e in got] == kept, got)
                    check(f"{situation}: with its time", all(re.fullmatch(
                        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", e.find(DELAY).get("stamp")) for e in got), got)
                    later.ends()


def messages():
    """What is not in the table: no type, unknown types, no address, own other sessions, order."""
    with Server("messages", c2s={"stanzas_per_second": 0}) as server:
        server.register("msg-x", "msg-y")
        x, x2 = server.login("msg-x", "x"), server.login("msg-x", "x2")
        y = server.login("msg-y", "y")
        for one in (x, x2, y):
            one.available()
        for one in (x, x2, y):
            one.sync().take()
        x.send("<message to='msg-y@localhost' id='none'><body>1</body></message>")
        check("no type is normal", y.wait("id='none'").get("type") is None)
        x.send("<message to='msg-y@localhost' id='strange' type='strange'><body>1</body></message>")
        check("an unknown type is delivered as normal", y.wait("id='strange'").get("type") in (None, "normal"))
        x.send("<message id='own' type='chat'><body>1</body></message>")
        check("without an address it is for oneself", [s.wait("id='own'").get("from") for s in (x, x2)] == [x.jid] * 2)
        x.send("<message to='msg-x@localhost/x2' id='other' type='chat'><body>1</body></message>")
        check("to another session of one's own", x2.wait("id='other'").get("from") == x.jid)
        x.send("<message to='msg-y@localhost' from='msg-x@localhost/x' id='from'><body>1</body></message>")
        check("the sender is always the full address", y.wait("id='from'").get("from") == x.jid)
        x.send("<message to='MSG-Y@LocalHost/y' id='case'><body>1</body></message>")
        check("addresses are prepared", y.wait("id='case'").get("to") == y.jid)
        count = 2000
        x.send("".join(f"<message to='{'msg-y@localhost' if n % 3 else y.jid}' type='{'chat' if n % 2 else 'headline'}' "
                       f"id='o{n}'><body>{n}</body></message>" for n in range(count)))
        got = [y.wait(lambda e: e.name == "message").get("id") for _ in range(count)]
        check("two thousand arrive in order", got == [f"o{n}" for n in range(count)], got[:20])
        for what in ("<message to='msg-y@localhost/gone' type='error' id='e'><body>x</body></message>",
                     "<message to='nobody@localhost' type='error' id='e'/>",
                     "<message to='x@nowhere.example' type='error' id='e'/>",
                     "<iq to='msg-y@localhost/gone' type='error' id='e'/>",
                     "<iq to='msg-y@localhost' type='result' id='e'/>", "<iq to='localhost' type='result' id='e'/>",
                     "<iq to='localhost' type='error' id='e'/>", "<iq type='result' id='e'/>",
                     "<iq to='x@nowhere.example' type='result' id='e'/>",
                     "<presence to='msg-y@localhost/gone' type='error' id='e'/>", "<presence type='error' id='e'/>",
                     "<presence to='x@nowhere.example' type='error' id='e'/>"):
            x.send(what)
            passed(x, "msg-y@localhost")
            check(f"never answered: {what}", not [e for e in x.sync().take() if e.get("id") == "e"])
        y.sync()
        check("and never shown to somebody else", not [e for e in y.take() if e.get("id") == "e"])


def presences():
    """8.5.2 and 8.5.3: presence to bare and full addresses."""
    with Server("presences") as server:
        server.register("pre-x", "pre-y")
        x = server.login("pre-x")
        sessions = enter(server, "pre-y", {"a": 0, "low": -5, "mute": None})
        for kind in ("", "type='unavailable'"):
            for address, wanted in (("", {"a", "low"}), ("/a", {"a"}), ("/low", {"low"}), ("/mute", {"mute"}), ("/gone", set())):
                mark = next(marks)
                x.send(f"<presence to='pre-y@localhost{address}' {kind} id='{mark}'/>")
                passed(x, "pre-y@localhost")
                got = {name for name, s in sessions.items() for e in s.sync().take() if e.get("id") == mark}
                check(f"presence {kind} to {address or 'the bare address'}: {sorted(wanted)} get it", got == wanted, got)
                check(f"presence {kind} to {address or 'the bare address'}: no answer", not x.take())


def iqs():
    """8.5.2.1.3 and 8.5.3: the server answers for accounts, sessions answer for themselves."""
    with Server("iqs") as server:
        server.register("iq-x", "iq-y")
        x, x2 = server.login("iq-x", "x"), server.login("iq-x", "x2")
        sessions = enter(server, "iq-y", {"a": 0, "low": -5, "mute": None})
        for name, session in sessions.items():
            for kind in ("get", "set"):
                x.send(f"<iq to='{session.jid}' type='{kind}' id='1'><q xmlns='urn:q'/></iq>")
                asked = session.wait("urn:q")
                check(f"{kind} to {name} arrives", (asked.get("from"), asked.get("type")) == (x.jid, kind), asked)
                for answer in ("result", "error"):
                    session.send(f"<iq to='{x.jid}' type='{answer}' id='1'/>")
                    check(f"and its {answer} comes back", x.wait(f"type='{answer}'").get("from") == session.jid)
        for kind in ("get", "set"):
            for to in ("iq-y@localhost/gone", "iq-y@localhost", "nobody@localhost", "nobody@localhost/x", "localhost",
                       "localhost/x"):
                check(f"{kind} of something unknown to {to}", x.ask(kind, "<q xmlns='urn:q'/>", to=to).condition ==
                      "service-unavailable")
            for to in (None, "iq-x@localhost"):
                answer = x.ask(kind, "<q xmlns='urn:q'/>", to=to)
                check(f"{kind} of something unknown to {to or 'nobody'}", answer.condition == "service-unavailable" and
                      answer.get("from") in (None, "iq-x@localhost"), answer)
        for session in sessions.values():
            check("sessions never see what goes to their account", not session.sync().take())
        x.send("<iq to='iq-x@localhost/x2' type='get' id='own'><q xmlns='urn:q'/></iq>")
        check("one's own other session", x2.wait("id='own'").get("from") == x.jid)
        x.send("<iq to='iq-x@localhost/x' type='get' id='self'><q xmlns='urn:q'/></iq>")
        check("and oneself", x.wait("id='self'").get("type") == "get")


def secrecy():
    """RFC 6120 13.11: no answer tells a stranger whether an account exists."""
    queries = {
        "jabber:iq:roster": "query", "jabber:iq:last": "query", "jabber:iq:version": "query", "urn:xmpp:time": "time",
        "urn:xmpp:ping": "ping", "vcard-temp": "vCard", "jabber:iq:private": "query", "urn:xmpp:blocking": "blocklist",
        "http://jabber.org/protocol/disco#info": "query", "http://jabber.org/protocol/disco#items": "query",
        "jabber:iq:register": "query", "http://jabber.org/protocol/pubsub": "pubsub", "urn:xmpp:mam:2": "query",
        "urn:ietf:params:xml:ns:xmpp-session": "session", "urn:unknown": "unknown"}
    with Server("secrecy", modules={"register": {"open": True}}) as server:
        server.register("sec-x", "sec-away", "sec-here")
        x, here = server.login("sec-x"), server.login("sec-here", "r")
        here.available()
        names = ("sec-away", "sec-here", "sec-none")

        def answers(stanza):
            told = []
            for name in names:
                x.send(stanza.replace("NAME", name))
                first = [x.wait(" id='1'")] if stanza.startswith("<iq") else []  # what asks the store may come late
                passed(x, f"{name}@localhost")
                told.append([e.raw.replace(name, "NAME") for e in first + x.sync().take()])
            return told

        for verb in ("items", "publish", "retract", "create", "subscriptions", "affiliations", "subscribe", "unsubscribe",
                     "options", "default", "configure", "delete", "purge"):
            for kind, ns in itertools.product(("get", "set"), ("", "#owner")):
                told = answers(f"<iq type='{kind}' to='NAME@localhost' id='1'><pubsub xmlns="
                               f"'http://jabber.org/protocol/pubsub{ns}'><{verb} node='n'/></pubsub></iq>")
                check(f"{kind} pubsub{ns} {verb}", told[0] == told[1] == told[2] and len(told[0]) == 1, told)
        for ns, element in queries.items():
            for kind in ("get", "set"):
                for node in ("", " node='x'"):
                    told = answers(f"<iq type='{kind}' to='NAME@localhost' id='1'><{element} xmlns='{ns}'{node}/></iq>")
                    check(f"{kind} {ns}{node}", told[0] == told[1] == told[2] and len(told[0]) == 1, told)
        for kind in ("normal", "chat", "groupchat", "headline", "error"):
            for resource in ("", "/gone"):
                told = answers(f"<message type='{kind}' to='NAME@localhost{resource}' id='1'><body>1</body></message>")
                check(f"{kind} message to {resource or 'bare'}", told[0] == told[1] == told[2], told)
        for kind in ("subscribe", "unsubscribe", "subscribed", "unsubscribed", "probe", "unavailable"):
            told = answers(f"<presence type='{kind}' to='NAME@localhost' id='1'/>")
            check(f"presence {kind}", told[0] == told[1] == told[2], told)


run(cells, messages, presences, iqs, secrecy)
