#!/usr/bin/env python3
"""RFC 6121 section 3 and appendix A: every state, every stanza, both directions, between two users of a real server.

For each cell of the tables of A.2 (what a user sends) and A.3 (what reaches a user) two new accounts are brought into
their states, one stanza is sent, and all that follows is compared with what the two tables together say: who is shown
what, which state is pushed to whom, which state the rosters are in, and which requests still wait for an answer.
Then: pre-approval (3.4), the order of what is shown, presence before and after, requests that are kept over a restart.
"""
import itertools
from collections import deque

from bongsu import Server, check, run

SUBSCRIBE, UNSUBSCRIBE, SUBSCRIBED, UNSUBSCRIBED = EVENTS = ("subscribe", "unsubscribe", "subscribed", "unsubscribed")

# State: N none, T to, F from, B both; o: a request of the user is pending, i: one of the contact is.
# What the user sends; columns as EVENTS. ">" goes to the contact; then the state after.
SENT = """
N    >No   >N   N   N
No   >No   >N   No  No
Ni   >Noi  >Ni  >F  >N
Noi  >Noi  >Ni  >Fo >No
T    >T    >N   T   T
Ti   >Ti   >Ni  >B  >T
F    >Fo   >F   F   >N
Fo   >Fo   >F   Fo  >No
B    >B    >F   B   >T
"""
# What the contact sends. "!" the user is shown it, "=" the server answers for the user; then the state after.
RECEIVED = """
N    !Ni   N    N    N
No   !Noi  No   !T   !N
Ni   Ni    !=N  Ni   Ni
Noi  Noi   !=No !Ti  !Ni
T    !Ti   T    T    !N
Ti   Ti    !=T  Ti   !Ni
F    =F    !=N  F    F
Fo   =Fo   !=No !B   !F
B    =B    !=T  B    !F
"""


def table(text):
    rows = (line.split() for line in text.strip().splitlines())
    return {(state, event): cell for state, *cells in rows for event, cell in zip(EVENTS, cells)}


SENT, RECEIVED = table(SENT), table(RECEIVED)
STATES = [state for state, event in SENT if event == SUBSCRIBE]
NAMES = {"N": "none", "T": "to", "F": "from", "B": "both"}
APPROVES = ("N", "No", "T")  # a `subscribed` in these is a pre-approval (3.4)


def after(cell):
    return cell.lstrip(">!=")


class Expected:
    """Both machines, one sending: what each user is shown, and the states in the end."""

    def __init__(self, sender, receiver, event):
        self.states = {"x": sender, "y": receiver}
        self.shown = {"x": [], "y": []}
        self.changes = {"x": 0, "y": 0}  # of what a roster shows
        self.approved = sender in APPROVES and event == SUBSCRIBED
        ways = deque()
        if SENT[sender, event].startswith(">"):
            ways.append(("y", event))
        self.change("x", after(SENT[sender, event]))
        self.changes["x"] += self.approved
        while ways:
            who, what = ways.popleft()
            cell = RECEIVED[self.states[who], what]
            if "!" in cell:
                self.shown[who].append(what)
            if "=" in cell:
                ways.append(("x" if who == "y" else "y", SUBSCRIBED if what == SUBSCRIBE else UNSUBSCRIBED))
            self.change(who, after(cell))

    def change(self, who, state):
        self.changes[who] += self.states[who].rstrip("i") != state.rstrip("i")
        self.states[who] = state


class User:
    """An account with two sessions: one that follows roster and presence, one that only listens to presence."""

    def __init__(self, server, name):
        self.server, self.name, self.bare = server, name, f"{name}@localhost"
        self.main = server.login(name, "main")
        self.main.available()
        self.main.ask("get", "<query xmlns='jabber:iq:roster'/>")

    def send(self, kind, to):
        self.main.send(f"<presence type='{kind}' to='{to.bare}'/>")

    def settle(self, other):
        """All that followed from what this user sent is here: messages pass the same ways behind it."""
        for one, two in ((self, other), (other, self), (self, other)):
            mark = f"mark-{next(marks)}"
            one.main.send(f"<message type='headline' to='{two.main.jid}' id='{mark}'/>")
            two.main.wait(f"id='{mark}'")
            one.main.sync()

    def state_of(self, other):
        """As the roster tells it, and whether a request of the other waits, which is told at each login (3.1.3). The
        login's probe is kept from the other: its answer would correct a state that the other does not share."""
        other.block(self, "block")
        with self.server.login(self.name, "second") as second:
            second.available()
            second.sync()
            pending = any(e.get("type") == SUBSCRIBE and e.get("from") == other.bare for e in second.take())
            other.main.sync()
            second.ends()
        other.block(self, "unblock")
        item = self.item(other)
        if item is None:
            return "N" + "i" * pending
        letters = {name: letter for letter, name in NAMES.items()}
        return letters[item.get("subscription")] + "o" * (item.get("ask") == SUBSCRIBE) + "i" * pending

    def item(self, other):
        roster = self.main.ask("get", "<query xmlns='jabber:iq:roster'/>")
        return next((i for i in roster.xml.iter("{jabber:iq:roster}item") if i.get("jid") == other.bare), None)

    def block(self, other, kind):
        self.main.ask("set", f"<{kind} xmlns='urn:xmpp:blocking'><item jid='{other.bare}'/></{kind}>")

    def drain(self):
        self.main.sync()
        return self.main.take()


marks = itertools.count()


def bring(x, y, x_state, y_state):
    """Both to their states, each without the other's knowledge: requests first, then what administrators write over
    it, then requests that are blocked on their way."""
    for one, two, state in ((x, y, x_state), (y, x, y_state)):
        if "i" in state:
            two.send(SUBSCRIBE, one)
            one.main.wait(f"type='{SUBSCRIBE}'")
            two.settle(one)
    for one, two, state in ((x, y, x_state), (y, x, y_state)):
        if one.item(two) is not None or state[0] != "N":
            x.server.ctl("add_rosteritem", one.name, "localhost", two.name, "localhost", "", "", NAMES[state[0]])
    for one, two, state in ((x, y, x_state), (y, x, y_state)):
        if "o" in state:
            two.block(one, "block")
            one.send(SUBSCRIBE, two)
            one.main.sync()
            two.main.sync()
            two.block(one, "unblock")
    for one in (x, y):
        one.drain()


def kinds(elements, other):
    return [e.get("type") for e in elements if e.name == "presence" and e.get("type") in EVENTS and
            e.get("from") == other.bare]


def pushes(elements, other):
    return [i for e in elements if e.name == "iq" and e.get("type") == "set" for i in e.all(".//{jabber:iq:roster}item")
            if i.get("jid") == other.bare]


def one_cell(server, number, what, x_state, y_state, event):
    server.register(f"x{number}", f"y{number}")
    x, y = User(server, f"x{number}"), User(server, f"y{number}")
    bring(x, y, x_state, y_state)
    before = {"x": x.state_of(y), "y": y.state_of(x)}
    if not check(f"{what}: states are as wanted", before == {"x": x_state, "y": y_state}, before):
        return
    for one in (x, y):
        one.drain()
    expected = Expected(x_state, y_state, event)
    x.send(event, y)
    x.settle(y)
    for one, two, key in ((x, y, "x"), (y, x, "y")):
        got = one.drain()
        check(f"{what}: {key} is shown {expected.shown[key]}", kinds(got, two) == expected.shown[key], got)
        told = pushes(got, two)
        check(f"{what}: {key} gets {expected.changes[key]} pushes", len(told) == expected.changes[key], got)
        state = one.state_of(two)
        check(f"{what}: {key} is {expected.states[key]}", state == expected.states[key], state)
        if told:
            last, item = told[-1], one.item(two)
            check(f"{what}: {key} was pushed what the roster says", item is not None and last.attrib == item.attrib,
                  last.attrib)
        item = one.item(two)
        approved = item is not None and item.get("approved") == "true"
        check(f"{what}: {key} has {'a' if key == 'x' and expected.approved else 'no'} pre-approval",
              approved == (key == "x" and expected.approved), item is not None and item.attrib)
    for one in (x, y):
        one.main.close()


def cells():
    with Server(c2s={"max_connections_per_address": 0}) as server:
        number = itertools.count()
        visible = {SUBSCRIBE: "N", UNSUBSCRIBE: "F", SUBSCRIBED: "No", UNSUBSCRIBED: "T"}  # a state that shows it
        routes = {SUBSCRIBE: "N", UNSUBSCRIBE: "N", SUBSCRIBED: "Ni", UNSUBSCRIBED: "Ni"}  # a state that sends it
        for state in STATES:
            for event in EVENTS:
                one_cell(server, next(number), f"sent {event} in {state}", state, visible[event], event)
                one_cell(server, next(number), f"received {event} in {state}", routes[event], state, event)


def names(elements):
    """What came, short: the kind, and where it came from."""
    return [(e.get("type") or "available", e.get("from")) if e.name == "presence" else (e.name, e.get("type"))
            for e in elements]


def pair(server, one, two):
    server.register(one, two)
    return User(server, one), User(server, two)


def settled(one, two):
    one.settle(two)
    return names(one.drain()), names(two.drain())


def handshake():
    """3.1 and 3.2: what both see of a request, its approval and its end, and in which order."""
    with Server() as server:
        x, y = pair(server, "hx", "hy")
        other = server.login("hy", "other")  # available, does not follow the roster
        other.available()
        y.drain()
        x.main.send("<presence type='subscribe' to='hy@localhost/main' id='s1'><status>hello</status></presence>"
                    "<message type='headline' to='hy@localhost/main' id='behind'/>")
        request = y.main.wait("type='subscribe'")
        check("a request comes from and goes to bare addresses", (request.get("from"), request.get("to")) ==
              (x.bare, y.bare), request)
        check("as it was sent", request.get("id") == "s1" and request.text("c:status") == "hello", request)
        check("a message that was sent after it comes after it", y.main.wait("headline").get("id") == "behind")
        check("all available sessions are shown it", other.wait("type='subscribe'").get("from") == x.bare)
        other.take()
        x.drain()
        y.send(SUBSCRIBED, x)
        got = settled(y, x)
        check("approved: the push, then the presence of each session", got[1][:2] == [("subscribed", y.bare), ("iq", "set")]
              and sorted(got[1][2:]) == [("available", "hy@localhost/main"), ("available", "hy@localhost/other")], got[1])
        check("the one who approves gets a push", got[0] == [("iq", "set")], got[0])
        check("sessions that do not follow the roster get nothing", not other.sync().take())
        y.send(UNSUBSCRIBED, x)
        got = settled(y, x)
        check("cancelled: everybody unavailable, then told, then the push", sorted(got[1][:2]) ==
              [("unavailable", "hy@localhost/main"), ("unavailable", "hy@localhost/other")] and
              got[1][2:] == [("unsubscribed", y.bare), ("iq", "set")], got[1])
        x.send(SUBSCRIBE, y)
        y.main.wait("type='subscribe'")
        y.send(SUBSCRIBED, x)
        settled(y, x)
        x.send(UNSUBSCRIBE, y)
        got = settled(x, y)
        check("who unsubscribes is told of everybody's end", sorted(k for k in got[0] if k[0] == "unavailable") ==
              [("unavailable", "hy@localhost/main"), ("unavailable", "hy@localhost/other")], got[0])
        check("and the other is told, and pushed", got[1] == [("unsubscribe", x.bare), ("iq", "set")], got[1])


def preapproval():
    """3.4: approved before it is asked for."""
    with Server() as server:
        x, y = pair(server, "px", "py")
        check("the feature is announced", x.main.features.find("{urn:xmpp:features:pre-approval}sub") is not None,
              x.main.features)
        x.send(SUBSCRIBED, y)
        push = x.main.wait("type='set'")
        check("a pre-approval is pushed", "approved='true'" in push.raw and "subscription='none'" in push.raw, push)
        check("and not sent", settled(x, y)[1] == [])
        y.send(SUBSCRIBE, x)
        got = settled(y, x)
        check("a request is answered at once", ("subscribed", x.bare) in got[0], got[0])
        check("and the presence follows", got[0][-1] == ("available", "px@localhost/main"), got[0])
        check("the user is not asked, but pushed", got[1] == [("iq", "set")], got[1])
        check("it is from", x.state_of(y) == "F", x.item(y).attrib)
        server.register("pz", "pw")
        z, w = User(server, "pz"), User(server, "pw")
        x.send(SUBSCRIBED, z)
        x.main.wait("approved='true'")
        x.send(UNSUBSCRIBED, z)
        push = x.main.wait("type='set'")
        check("a pre-approval is taken back", "approved" not in push.raw, push)
        check("without telling", settled(x, z)[1] == [])
        z.send(SUBSCRIBE, x)
        check("then requests are shown", x.main.wait("type='subscribe'").get("from") == z.bare)
        x.send(SUBSCRIBED, w)
        x.main.wait("approved='true'")
        for one in (x, y, z, w):
            one.main.close()
        server.restart()
        w = server.login("pw")
        w.ask("get", "<query xmlns='jabber:iq:roster'/>")
        w.send("<presence type='subscribe' to='px@localhost'/>")
        check("a pre-approval outlives a restart", w.wait("type='subscribed'").get("from") == "px@localhost")


def kept_requests():
    """3.1.3: a request waits until it is answered, over restarts, and is delivered at each login."""
    with Server(c2s={"max_pending": 3}) as server:
        server.register("kx", "ky", "kbig", "kmore", "ktoomany")
        x = server.login("kx")
        x.send("<presence type='subscribe' to='ky@localhost' id='first'><status>\ubd09\uc218</status></presence>")
        x.sync()
        x.send("<presence type='subscribe' to='ky@localhost' id='second'/>")
        x.sync()
        big = server.login("kbig")
        big.send("<presence type='subscribe' to='ky@localhost'><status>short</status><nick xmlns="
                 f"'http://jabber.org/protocol/nick'>Big</nick><x xmlns='urn:x'>{'x' * 8000}</x></presence>")
        big.sync()
        for time in ("first", "second"):
            with server.login("ky", time) as y:
                y.sync()
                check(f"{time} login: nothing before presence", not y.take())
                y.send("<presence><priority>-1</priority></presence>")
                request = y.wait("type='subscribe' .*from='kx@|from='kx@.* type='subscribe'")
                check(f"{time} login: the whole request", request.get("id") == "first" and
                      request.text("c:status") == "\ubd09\uc218", request)
                large = y.wait("from='kbig@")
                check(f"{time} login: of a large one what people read", large.text("c:status") == "short" and
                      large.text("{http://jabber.org/protocol/nick}nick") == "Big" and "xxx" not in large.raw, large)
                y.sync()
                check(f"{time} login: once", not [e for e in y.take() if e.get("type") == SUBSCRIBE])
                y.send("<presence type='unavailable'/><presence/>")
                check(f"{time} login: again with the next presence", y.wait("from='kx@localhost'").get("id") == "first")
                roster = y.ask("get", "<query xmlns='jabber:iq:roster'/>")
                check(f"{time} login: it is not in the roster", not roster.all(".//{jabber:iq:roster}item"), roster)
            server.restart()
        for name in ("kmore", "ktoomany"):
            with server.login(name) as another:
                another.send("<presence type='subscribe' to='ky@localhost'/>")
                another.sync()
        with server.login("ky") as y:
            y.available()
            asking = {y.wait("type='subscribe'").get("from") for _ in range(3)}
            y.sync()
            check("requests are bounded", asking == {"kx@localhost", "kbig@localhost", "kmore@localhost"} and
                  not [e for e in y.take() if e.get("type") == SUBSCRIBE], asking)
            y.send("<presence type='subscribed' to='kx@localhost'/>")
            y.sync()
        server.restart()
        with server.login("ky") as y:
            y.available()
            y.sync()
            waiting = {e.get("from") for e in y.take() if e.get("type") == SUBSCRIBE}
            check("an answered one is gone", waiting == {"kbig@localhost", "kmore@localhost"}, waiting)


def refusals():
    with Server(c2s={"max_roster": 2}) as server:
        server.register("rx", "ry")
        x, y = server.login("rx"), server.login("ry")
        y.available()
        for to in ("", " to='rx@localhost'", " to='rx@localhost/r'"):
            x.send(f"<presence type='subscribe'{to} id='self'/>")
            check(f"nobody subscribes to oneself{to}", x.wait("id='self'").condition == "not-allowed")
        x.send("<presence type='subscribe' to='@@' id='bad'/>")
        check("an address that is none", x.wait("id='bad'").condition == "jid-malformed")
        x.send("<presence type='subscribe' to='rnobody@localhost' id='nobody'/>")
        x.send("<presence type='subscribe' to='ry@localhost' id='somebody'/>")
        y.wait("type='subscribe'")
        x.sync()
        check("who does not exist says nothing, as who exists", not x.take())
        x.send("<presence type='subscribe' to='rthird@localhost' id='third'/>")
        check("a full roster takes no more", x.wait("id='third'").condition == "resource-constraint")
        x.send("<presence type='strange' to='ry@localhost' id='strange'/>")
        check("an unknown type", x.wait("id='strange'").condition == "bad-request")
        x.send("<presence type='subscribe' to='y@nowhere.example' id='far'/>")
        check("another server", x.wait("id='far'").condition in ("remote-server-not-found", "resource-constraint"))
        server.register("rnobody")
        nobody = server.login("rnobody")
        nobody.available()
        nobody.sync()
        check("a request to nobody was not kept", not [e for e in nobody.take() if e.get("type")])


run(cells, handshake, preapproval, kept_requests, refusals)
