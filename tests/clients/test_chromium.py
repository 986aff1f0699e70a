#!/usr/bin/env python3
"""The page to chat from, in a headless Chromium, as two users meet it: one in the browser, one with another client.

Log-in over WebSocket and over BOSH, with and without TLS; messages both ways; a room; the history after a reload, and the
session, which stays the same; a screen as small as a phone's. Nothing may break the page's own security policy. Pictures of
the pages are left in BUILD/screenshots.
timeout: 300
"""
from bongsu import Server, check, escape, run, skip
from bongsu.browser import BUILD, Browser, missing

LISTEN = {"plain": {"service": "c2s", "starttls": "off"}, "http": {"service": "http"},
          "https": {"service": "http", "tls": "direct"}}
HELLO = "안녕하세요 👋🏽 <&> \"'"
PICTURES = BUILD / "screenshots"


def picture(page, name):
    page.screenshot({"path": str(PICTURES / f"{name}.png")})


def says(client, to, text, kind="chat"):
    client.send(f"<message to='{to}' type='{kind}'><body>{escape(text)}</body></message>")


def hears(client, text):
    """The message with that text, from wherever it comes."""
    return client.wait(lambda e: e.name == "message" and e.text("c:body") == text)


def chat(page, bob):
    page.talk_to("bob")
    page.say(HELLO)
    heard = hears(bob, HELLO)
    check("a message from the page arrives", heard.get("from").startswith("alice@localhost/"), heard)
    says(bob, heard.get("from"), f"{HELLO} too")
    check("and an answer to it", page.shows(f"{HELLO} too"))


def over(server, browser, url, what, transport):
    bob = server.login("bob")
    bob.send("<presence/>")
    page = browser.page(url)
    page.log_in("alice")
    check(f"{what}: alice logs in", page.is_in())
    check(f"{what}: by {transport}", bool(page.sockets()) == (transport == "WebSocket"), page.sockets())
    chat(page, bob)
    picture(page, f"chat-{transport.lower()}")
    check("nothing went wrong in the page", not (found := page.problems()), found)
    page.close()
    bob.ends()


def everything():
    lacks = missing()
    if lacks or not (BUILD / "web").is_dir():
        skip("all of it", lacks or f"no {BUILD}/web: contrib/web/build makes it")
        return
    PICTURES.mkdir(exist_ok=True)
    with Server(listen=LISTEN, modules={"web": {"root": str(BUILD / "web")}}) as server, Browser() as browser:
        server.register("alice", "bob")
        server.ctl("add_rosteritem", "alice", "localhost", "bob", "localhost", "Bob", "", "both")
        server.ctl("add_rosteritem", "bob", "localhost", "alice", "localhost", "Alice", "", "both")
        http, https = (f"{name}://127.0.0.1:{server.ports[name]}/" for name in ("http", "https"))
        over(server, browser, http, "without TLS", "WebSocket")
        over(server, browser, https + "?bosh", "with TLS", "BOSH")
        server.stop()
    print(f"     pictures: {PICTURES}")


run(everything)
