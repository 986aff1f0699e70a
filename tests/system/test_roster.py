#!/usr/bin/env python3
"""RFC 6121 section 2: the roster is read, changed, pushed and told by versions, and bad requests are refused."""
import itertools

from bongsu import Server, check, run

NS = "{jabber:iq:roster}"
GET = "<query xmlns='jabber:iq:roster'/>"
server = Server(c2s={"stanzas_per_second": 0, "bytes_per_second": 0, "max_roster": 700})


def item(jid, inside="", **attributes):
    text = "".join(f" {name}='{value}'" for name, value in {"jid": jid, **attributes}.items() if value is not None)
    return f"<item{text}>{inside}</item>"


def query(*items, ver=None):
    return "<query xmlns='jabber:iq:roster'" + (f" ver='{ver}'" if ver is not None else "") + f">{''.join(items)}</query>"


def put(client, *items, to=None):
    return client.ask("set", query(*items), to=to)


def roster(client, ver=None):
    return client.ask("get", query(ver=ver))


def items(element):
    return {i.get("jid"): i for i in element.all(f"{NS}query/{NS}item")}


def version(element):
    return element.find(f"{NS}query").get("ver")


def pushes(client):
    return [e for e in client.sync().take() if e.name == "iq" and e.get("type") == "set"]


def groups(xml):
    return sorted(g.text for g in xml.findall(f"{NS}group"))


def change():
    server.register("set-x", "set-y")
    x, other, deaf = (server.login("set-x", name) for name in ("x", "other", "deaf"))
    y = server.login("set-y")
    empty = roster(x)
    check("an empty roster", empty.get("type") == "result" and not items(empty) and version(empty) is not None, empty)
    roster(other)
    x.send("<iq type='set' id='s'>" + query(item("A@Example.org/desk", "<group>\uce5c\uad6c</group><group>b</group>",
           name="\ubd09\uc218 &amp; co", subscription="both", ask="subscribe", approved="true")) + "</iq>")
    push = x.wait(lambda e: e.name == "iq")
    check("the push comes before the answer", push.get("type") == "set" and x.wait(lambda e: e.name == "iq").get("id") == "s")
    told = items(push).get("a@example.org")
    check("the address is prepared and bare", told is not None, push)
    check("name and groups are as they were sent", told.get("name") == "\ubd09\uc218 & co" and
          groups(told) == ["b", "\uce5c\uad6c"], push)
    check("what only the server decides is not taken", (told.get("subscription"), told.get("ask"), told.get("approved")) ==
          ("none", None, None), push)
    check("a push is for the full address and from the account", push.get("to") == x.jid and
          push.get("from") in (None, x.bare), push)
    second = other.wait("type='set'")
    check("other sessions that follow the roster get it", items(second)["a@example.org"].get("name") == told.get("name"))
    check("with an id of its own or the same version", version(second) == version(push))
    check("sessions that never asked do not", not pushes(deaf))
    check("nor does the contact", not pushes(y))
    for answer in ("result", "error"):
        x.send(f"<iq type='{answer}' id='{push.get('id')}'/>")
        check(f"a push may be answered by {answer}", not x.sync().take())
    put(x, item("a@example.org", name="new"))
    changed = items(x.wait("type='set'"))["a@example.org"]
    check("a set replaces all of the item", changed.get("name") == "new" and not groups(changed), changed.attrib)
    check("and the roster has it", items(roster(other))["a@example.org"].attrib == changed.attrib)
    put(x, item("example.org", name="a host"), )
    check("a host can be a contact", "example.org" in items(roster(x)))
    for one in (x, other):
        one.sync().take()
    check("an item is removed", put(x, item("a@example.org", subscription="remove")).get("type") == "result")
    for one in (x, other):
        gone = [items(p).get("a@example.org") for p in pushes(one)]
        check("which is pushed", len(gone) == 1 and gone[0].get("subscription") == "remove", gone)
    check("and gone", set(items(roster(x))) == {"example.org"})
    check("it cannot be removed again", put(x, item("a@example.org", subscription="remove")).condition == "item-not-found")


def refusals():
    server.register("bad-x", "bad-y")
    x = server.login("bad-x")
    rows = [
        ("no item", query(), "bad-request"),
        ("two items", query(item("a@b"), item("c@d")), "bad-request"),
        ("something else", query("<thing/>"), "bad-request"),
        ("an item without address", query(item(None)), "bad-request"),
        ("a group twice", query(item("a@b", "<group>g</group><group>g</group>")), "bad-request"),
        ("an empty group", query(item("a@b", "<group/>")), "not-acceptable"),
        ("a long group", query(item("a@b", f"<group>{'g' * 1024}</group>")), "not-acceptable"),
        ("many groups", query(item("a@b", "".join(f"<group>{n}</group>" for n in range(65)))), "not-acceptable"),
        ("a long name", query(item("a@b", name="n" * 1024)), "not-acceptable"),
        ("no address", query(item("@b")), "jid-malformed"),
        ("oneself", query(item("bad-x@localhost")), "not-allowed"),
        ("who is not there", query(item("a@b", subscription="remove")), "item-not-found"),
    ]
    for what, payload, condition in rows:
        answer = x.ask("set", payload)
        check(f"{what}: {condition}", answer.condition == condition, answer)
    check("the longest name and group", put(x, item("a@b", f"<group>{'g' * 1023}</group>", name="n" * 1023)).get("type") ==
          "result")
    for to in ("bad-y@localhost", "nobody@localhost"):
        check(f"the roster of {to} is not changed", put(x, item("a@b"), to=to).condition == "forbidden")
        check(f"the roster of {to} is not told", x.ask("get", GET, to=to).condition == "forbidden")
    check("one's own is, by address", x.ask("get", GET, to="bad-x@localhost").get("type") == "result")
    check("nothing else was taken", set(items(roster(x))) == {"a@b"})
    x.send("".join(f"<iq type='set' id='f{n}'>{query(item(f'c{n}@b'))}</iq>" for n in range(699)))
    check("a roster is filled", x.wait("id='f698'").get("type") == "result")
    check("to its limit", put(x, item("one@more")).condition == "resource-constraint")
    check("a contact can still be changed", put(x, item("a@b")).get("type") == "result")
    put(x, item("a@b", subscription="remove"))
    check("and replaced", put(x, item("one@more")).get("type") == "result")


def versions():
    server.register("ver-x")
    x = server.login("ver-x")
    check("versions are announced", x.features.find("{urn:xmpp:features:rosterver}ver") is not None, x.features)
    first = roster(x, "")
    check("without a version all is told", version(first) is not None and not items(first), first)
    check("of an empty roster, too, the same version gets nothing",
          roster(x, version(first)).find(f"{NS}query") is None)
    known = []
    for jid in ("a@b", "c@d", "e@f"):
        put(x, item(jid))
        known.append(version(x.wait("type='set'")))
    check("each push has a new version", len(set(known)) == 3)
    check("the last one is that of the roster", version(roster(x)) == known[-1])
    put(x, item("c@d", subscription="remove"))
    put(x, item("a@b", name="new"))
    last = [version(p) for p in pushes(x)][-1]
    late = server.login("ver-x")
    answer = roster(late, known[0])
    check("an older version: an empty answer", answer.get("type") == "result" and answer.find(f"{NS}query") is None, answer)
    told = pushes(late)
    check("and what changed since, in order", [(i.get("jid"), i.get("subscription")) for p in told for i in items(p).values()] ==
          [("e@f", "none"), ("c@d", "remove"), ("a@b", "none")], told)
    check("up to the version of now", version(told[-1]) == last)
    check("the version of now: nothing", roster(late, last).find(f"{NS}query") is None and not pushes(late))
    for unknown in ("", "x", "-1", "0", "1", "99", str(int(last) + 1), str(2 ** 63 - 1), "9" * 30):
        answer = roster(late, unknown)
        check(f"an unknown version ({unknown}): all of it", set(items(answer)) == {"a@b", "e@f"} and version(answer) == last,
              answer)
    check("a session that got it so follows it", put(x, item("g@h")).get("type") == "result" and
          "g@h" in items(late.wait("type='set'")))
    before = version(roster(x))
    x.send("".join(f"<iq type='set' id='a{n}'>{query(item(f'n{n}@b'))}</iq><iq type='set' id='r{n}'>"
                   f"{query(item(f'n{n}@b', subscription='remove'))}</iq>" for n in range(520)))
    x.wait("id='r519'")
    x.sync().take()
    answer = roster(late, before)
    check("who missed more removals than are kept gets all", set(items(answer)) == {"a@b", "e@f", "g@h"}, answer)
    now = version(answer)
    put(x, item("n1@b"))
    put(x, item("n1@b", subscription="remove"))
    late.sync().take()
    answer = roster(late, now)
    check("and then changes again", answer.find(f"{NS}query") is None and [list(items(p)) for p in pushes(late)] == [["n1@b"]])
    server.ctl("unregister", "ver-x", "localhost")
    server.register("ver-x")
    x = server.login("ver-x")
    roster(x)
    put(x, item("new@b"))
    check("an account that is made again knows no old version", set(items(roster(x, known[0]))) == {"new@b"} and
          set(items(roster(x, last))) == {"new@b"})


def together():
    """Two sessions change at once: both are told the same in the same order."""
    server.register("two-x")
    one, two = server.login("two-x", "one"), server.login("two-x", "two")
    for session in (one, two):
        roster(session)
    for n in range(100):
        for name, session in (("one", one), ("two", two)):
            session.send(f"<iq type='set' id='{name}{n}'>{query(item(f'c{n % 10}@b', name=f'{name} {n}'))}</iq>")
    told = []
    for name, session in (("one", one), ("two", two)):
        session.wait(f"id='{name}99'")
        told.append([])
    for n, session in enumerate((one, two)):
        other = "two" if n == 0 else "one"
        while not any(f"'{other} 99'" in p.raw for p in told[n]):
            told[n].append(session.wait("type='set'"))
        told[n] += pushes(session)
    seen = [[(version(p), items(p).popitem()[1].get("name")) for p in each] for each in told]
    check("all pushes reach both", len(seen[0]) == 200, len(seen[0]))
    check("in the same order", seen[0] == seen[1])
    check("by version", [int(v) for v, _ in seen[0]] == sorted(int(v) for v, _ in seen[0]))


def life():
    """Kept over a restart; administrators' changes are pushed; gone with the account."""
    server.register("life-x", "life-y")
    x = server.login("life-x")
    roster(x)
    put(x, item("a@b", "<group>g1</group><group>g2</group>", name="\ubd09\uc218"))
    at = version(x.wait("type='set'"))
    server.ctl("add_rosteritem", "life-x", "localhost", "life-y", "localhost", "why", "team", "both")
    push = items(x.wait("type='set'"))["life-y@localhost"]
    check("an administrator's item is pushed", (push.get("name"), push.get("subscription"), groups(push)) ==
          ("why", "both", ["team"]), push.attrib)
    before = {jid: (i.attrib, groups(i)) for jid, i in items(roster(x)).items()}
    server.restart()
    x = server.login("life-x")
    after = {jid: (i.attrib, groups(i)) for jid, i in items(roster(x)).items()}
    check("a restart changes nothing", before == after, after)
    check("nor what versions tell", roster(x, at).find(f"{NS}query") is None and
          [list(items(p)) for p in pushes(x)] == [["life-y@localhost"]])
    server.ctl("delete_rosteritem", "life-x", "localhost", "life-y", "localhost")
    check("an administrator's removal is pushed", "subscription='remove'" in x.wait("type='set'").raw)


def removal():
    """2.5: removing a contact ends both subscriptions, and whoever loses sight is told."""
    ends = {"none": [], "to": ["unsubscribe"], "from": ["unavailable", "unsubscribed"],
            "both": ["unsubscribe", "unavailable", "unsubscribed"]}
    mirror = {"none": "none", "to": "from", "from": "to", "both": "both"}
    after = {"none": "none", "to": "none", "from": "none", "both": "none"}
    for n, (state, wanted) in enumerate(ends.items()):
        names = f"rem-x{n}", f"rem-y{n}"
        server.register(*names)
        for one, two, subscription in (*((names[0], names[1], state),), (names[1], names[0], mirror[state])):
            server.ctl("add_rosteritem", one, "localhost", two, "localhost", "", "", subscription)
        x, y = (server.login(name, "r") for name in names)
        for one in (x, y):
            roster(one)
            one.available()
        for one in (x, y):
            one.sync()
        x.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=y.bare)
        y.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=x.bare)
        for one in (x, y):
            one.sync().take()
        put(x, item(y.bare, subscription="remove"))
        x.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=y.bare)
        got = [e.get("type") for e in y.sync().take() if e.name == "presence"]
        check(f"{state}: the contact is told {wanted}", got == wanted, got)
        check(f"{state}: and the contact's side is {after[state]}", items(roster(y))[x.bare].get("subscription") == after[state])
        y.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=x.bare)
        got = [e.get("type") for e in x.sync().take() if e.name == "presence"]
        check(f"{state}: the user {'sees' if state in ('to', 'both') else 'does not see'} the contact's end",
              got == (["unavailable"] if state in ("to", "both") else []), got)


def all_parts():
    with server:
        for part in (change, refusals, versions, together, life, removal):
            print(f"---- {part.__name__}")
            part()


run(all_parts)
