#!/usr/bin/env python3
"""XEP-0160 and RFC 6121 8.5.2.2: messages for somebody who is away are kept, all of them, in their order, with their time.

timeout: 600
"""
from datetime import datetime, timedelta, timezone

from bongsu import Server, check, run

DELAY = "{urn:xmpp:delay}delay"
FAST = {"stanzas_per_second": 0, "bytes_per_second": "0", "max_output": "64M"}


def messages(client, count):
    return [client.wait(lambda e: e.name == "message") for _ in range(count)]


def rest(client):
    return [e for e in client.sync().take() if e.name == "message"]


def thousands():
    """No cap; the order holds, also while new ones arrive and over a restart."""
    count = 5000
    with Server("thousands", c2s=FAST) as server:
        server.register("many-x", "many-y")
        x = server.login("many-x")
        begin = datetime.now(timezone.utc)
        for first in range(0, count, 500):
            x.send("".join(f"<message to='many-y@localhost' type='chat' id='{n}'><body>\ubd09\uc218 {n}</body></message>"
                           for n in range(first, first + 500)))
            check(f"{first + 500} are taken", not [e for e in x.sync().take() if e.name == "message"])
        x.ends()
        server.restart()
        x = server.login("many-x")
        y = server.login("many-y")
        y.sync()
        check("nothing comes before presence", not y.take())
        y.send("<presence><priority>-1</priority></presence>")
        check("nor with a negative priority", not rest(y))
        y.send("<presence/>")
        x.send("".join(f"<message to='many-y@localhost' type='chat' id='{n}'><body>new</body></message>"
                       for n in range(count, count + 100)))
        got = messages(y, count + 100)
        check("all arrive in order, the new ones behind", [e.get("id") for e in got] == [str(n) for n in range(count + 100)],
              [e.get("id") for e in got][:20])
        check("as they were", all(e.text("c:body") == f"\ubd09\uc218 {n}" and e.get("type") == "chat" and
                                  e.get("from").startswith("many-x@localhost/") for n, e in enumerate(got[:count])))
        times = [datetime.fromisoformat(e.find(DELAY).get("stamp").replace("Z", "+00:00")) for e in got[:count]]
        check("with the time at which they were sent", times == sorted(times) and
              begin - timedelta(seconds=1) <= times[0] and times[-1] <= datetime.now(timezone.utc), times[:3])
        check("from the server", got[0].find(DELAY).get("from") == "localhost", got[0])
        y.ends()
        y = server.login("many-y")
        y.available()
        check("they come once", not rest(y))


def what_is_kept():
    rows = [  # id, type, inside, kept
        ("body", "chat", "<body>1</body>", True),
        ("normal", "normal", "<body>1</body>", True),
        ("untyped", None, "<body>1</body>", True),
        ("subject", "normal", "<subject>1</subject>", True),
        ("receipt", "chat", "<received xmlns='urn:xmpp:receipts' id='1'/>", True),
        ("composing", "chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", False),
        ("state", "chat", "<active xmlns='http://jabber.org/protocol/chatstates'/><thread>1</thread>", False),
        ("both", "chat", "<active xmlns='http://jabber.org/protocol/chatstates'/><body>1</body>", True),
        ("hint", "chat", "<body>1</body><no-store xmlns='urn:xmpp:hints'/>", False),
        ("groupchat", "groupchat", "<body>1</body>", False),
        ("headline", "headline", "<body>1</body>", False),
        ("error", "error", "<body>1</body>", False),
    ]
    with Server("kept") as server:
        server.register("kept-x", "kept-y")
        x = server.login("kept-x")
        for name, kind, inside, _ in rows:
            x.send(f"<message to='kept-y@localhost' id='{name}'" + (f" type='{kind}'" if kind else "") + f">{inside}</message>")
        x.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to="kept-y@localhost")
        bounced = [e.get("id") for e in x.take() if e.get("type") == "error"]
        check("chat states vanish, the rest comes back", bounced == ["hint", "groupchat"], bounced)
        y = server.login("kept-y")
        info = y.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
        check("msgoffline is announced", "var='msgoffline'" in info.raw)
        y.available()
        wanted = [name for name, _, _, kept in rows if kept]
        got = messages(y, len(wanted)) + rest(y)
        check("what is worth it is kept", [e.get("id") for e in got] == wanted, got)


def priorities():
    """A session that takes messages again gets those that came meanwhile, and only one session gets them."""
    with Server("priorities") as server:
        server.register("prio-x", "prio-y")
        x, y = server.login("prio-x"), server.login("prio-y", "y")
        y.available()
        y.available("<priority>-5</priority>")
        x.send("<message to='prio-y@localhost' type='chat' id='1'><body>1</body></message>")
        x.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to="prio-y@localhost")
        check("a negative priority gets nothing", not rest(y))
        y.send("<presence/>")
        check("what came meanwhile comes with a better priority", y.wait(lambda e: e.name == "message").get("id") == "1")
        y.ends()
        y = server.login("prio-y", "y")
        x.send("<message to='prio-y@localhost' type='chat' id='2'><body>1</body></message>"
               "<message to='prio-y@localhost/y' type='chat' id='3'><body>1</body></message>")
        check("without presence only what names the session", y.wait(lambda e: e.name == "message").get("id") == "3")
        other = server.login("prio-y", "other")
        other.available()
        check("the first to be available gets it", other.wait(lambda e: e.name == "message").get("id") == "2")
        y.send("<presence/>")
        check("and no other", not rest(y) and not rest(other))
        for one in (y, other):
            one.ends()
        x.send("<message to='prio-y@localhost' type='chat' id='4'><body>1</body></message>"
               "<message to='prio-y@localhost/gone' type='chat' id='5'><body>1</body></message>")
        x.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to="prio-y@localhost")
        server.ctl("unregister", "prio-y", "localhost")
        server.register("prio-y")
        y = server.login("prio-y")
        y.available()
        check("nobody inherits them", not rest(y))


run(thousands, what_is_kept, priorities)
