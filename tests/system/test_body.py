#!/usr/bin/env python3
"""A body of exactly 100,000 characters passes in any script; one more is refused with a stanza error, and the stream goes on."""
from bongsu import Server, check, run

LIMIT = 100_000
# name, a character, and how it is written
SCRIPTS = [
    ("ASCII", "x", "x"),
    ("Latin", "\u00e9", "\u00e9"),
    ("Korean", "\ud55c", "\ud55c"),
    ("emoji", "\U0001f600", "\U0001f600"),
    ("combining marks", "\u0301", "\u0301"),
    ("<", "<", "&lt;"),
    ("&", "&", "&amp;"),
    ("' as an entity", "'", "&apos;"),
    ("numbers", "\u00e9", "&#233;"),
    ("hexadecimal numbers", "\U0001f600", "&#x1F600;"),
    ("line ends", "\n", "\n"),
    ("carriage returns", "\r", "&#13;"),
]
server = Server()


def bodies():
    server.start()
    server.register("alice", "bob")
    alice, bob = server.login("alice"), server.login("bob", port="tls")
    bob.available()
    for name, character, written in SCRIPTS:
        alice.send(f"<message to='bob@localhost' type='chat' id='fits'><body>{written * LIMIT}</body></message>")
        got = bob.wait("<message")
        check(f"{LIMIT} characters of {name} arrive", got.text("c:body") == character * LIMIT, str(got)[:300])
        alice.send(f"<message to='bob@localhost' type='chat' id='more'><body>{written * (LIMIT + 1)}</body></message>"
                   "<message to='bob@localhost' id='next'><body>next</body></message>")
        error = alice.wait("<message")
        check(f"one more of {name} is refused", error.get("type") == "error" and error.get("id") == "more" and
              error.condition == "policy-violation" and error.get("from") == "bob@localhost", str(error)[:300])
        check("the next is delivered", bob.wait("<message").get("id") == "next")
    cdata = f"<![CDATA[{'<' * LIMIT}"
    alice.send(f"<message to='bob@localhost'><body>{cdata}]]></body></message>")
    check("CDATA arrives", bob.wait("<message").text("c:body") == "<" * LIMIT)
    for kind in ("normal", "chat", "headline", "groupchat"):
        alice.send(f"<message to='{bob.jid}' type='{kind}' id='{kind}'><body>{'x' * (LIMIT + 1)}</body></message>")
        error = alice.wait(f"id='{kind}'")
        check(f"{kind}: refused", error.condition == "policy-violation", error)
    alice.send(f"<message to='bob@localhost'><body>short</body><body xml:lang='ko'>{'x' * (LIMIT + 1)}</body></message>")
    check("a second body counts too", alice.wait("<message").condition == "policy-violation")
    alice.send(f"<message to='bob@localhost'><subject>{'x' * (LIMIT + 1)}</subject><body>{'y' * LIMIT}</body></message>")
    check("a subject does not", len(bob.wait("<message").text("c:subject")) == LIMIT + 1)
    check("both streams go on, nothing else came", alice.sync() and bob.sync() and not alice.take() and not bob.take())
    bob.ends()
    alice.send(f"<message to='bob@localhost' type='chat' id='off'><body>{SCRIPTS[3][1] * LIMIT}</body></message>")
    alice.sync()
    bob = server.login("bob")
    bob.available()
    check("one of the longest is kept for who is not there", bob.wait("<message").text("c:body") == SCRIPTS[3][1] * LIMIT)
    done = server.ctl("send_message", "chat", "localhost", "bob@localhost", "", "-", stdin="\U0001f600" * LIMIT)
    check("and comes from the command line", done.code == 0 and bob.wait("<message").text("c:body") == "\U0001f600" * LIMIT, done)
    server.stop()


run(bodies)
