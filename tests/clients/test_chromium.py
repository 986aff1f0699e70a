#!/usr/bin/env python3
"""The page to chat from, in a headless Chromium, as two users meet it: one in the browser, one with another client.

Log-in over WebSocket and over BOSH, with and without TLS; messages both ways; a room; a reload, after which the session is
the same and the history is there; another browser, where the history is, too; a screen as small as a phone's, in Korean and
dark; somebody who makes an account and a friend. Nothing may break the page's own security policy. Pictures of the pages are left in BUILD/screenshots.
timeout: 300
"""
from bongsu import Server, check, escape, muc, run, skip, wait_for
from bongsu.browser import BUILD, Browser, missing

LISTEN = {"plain": {"service": "c2s", "starttls": "off"}, "http": {"service": "http"},
          "https": {"service": "http", "tls": "direct"}}
HELLO = "안녕하세요 👋🏽 <&> \"'"
ROOM = "friends@conference.localhost"
PICTURES = BUILD / "screenshots"


def picture(page, name):
    page.screenshot({"path": str(PICTURES / f"{name}.png")})


def says(client, to, text, kind="chat"):
    client.send(f"<message to='{to}' type='{kind}'><body>{escape(text)}</body></message>")


def hears(client, text):
    """The message with that text, from wherever it comes."""
    return client.wait(lambda e: e.name == "message" and e.text("c:body") == text)


def in_order(page):
    """Nothing was blocked, missing or thrown. (That somebody's answer was an error is told there, too.)"""
    found = [p for p in page.problems() if not p.startswith(("<iq", "Error while pinging"))]
    check("nothing went wrong in the page", not found, found)


def sessions(server, user):
    """Transports and resources."""
    rows = [line.split("\t") for line in server.ctl("user_sessions_info", user, "localhost").out.splitlines()]
    return [(row[0], row[7]) for row in rows]


def chat(page, bob):
    """A message each way; the page's full address."""
    page.talk_to("Bob")
    page.say(HELLO)
    heard = hears(bob, HELLO)
    check("a message from the page arrives", heard.get("from").startswith("alice@localhost/"), heard)
    says(bob, heard.get("from"), f"{HELLO} too")
    check("and an answer to it", page.shows(f"{HELLO} too"))
    return heard.get("from")


def entered(client, room_address, name):
    """False as long as who made the room has not said how it is to be."""
    try:
        return bool(muc.enter(client, room_address, name))
    except muc.Refused:
        return False


def room(page, bob):
    check("a name is enough to make a room", page.enter_room("friends"))
    wait_for("bob enters it", lambda: entered(bob, ROOM, "bob"))
    says(bob, ROOM, f"{HELLO} room", "groupchat")
    check("the page hears the room", page.shows(f"{HELLO} room"))
    page.say("all here")
    check("the room hears the page", hears(bob, "all here").get("from") == f"{ROOM}/alice")
    picture(page, "room")


def reload(server, page, bob, jid):
    """The session of before goes on: nobody is told of an end, and what is sent to it arrives."""
    before = sessions(server, "alice")
    bob.take()
    page.reload()
    check("after a reload alice is logged in", page.is_in())
    says(bob, jid, "are you still there?")
    page.talk_to("Bob")
    check("and gets what is sent to the session of before", page.shows("are you still there?"))
    check("the history is shown", page.shows(f"{HELLO} too"))
    page.say("yes")
    check("what she sends comes from it", hears(bob, "yes").get("from") == jid)
    gone = [e for e in bob.take() if e.name == "presence" and e.get("type") == "unavailable"]
    check("nobody heard that she was away", not gone, gone)
    check("the server has that session and no other", sessions(server, "alice") == before and len(before) == 1, before)


def over(server, browser, url, transport):
    """All of it by one transport."""
    bob = server.login("bob")
    bob.send("<presence/>")
    page = browser.page(url)
    page.log_in("alice", "wrong")
    check(f"{url}: a wrong password is told", page.sees(".conn-feedback", "incorrect"))
    page.log_in("alice")
    check("with the right one alice logs in", page.is_in())
    check(f"by {transport}", [name for name, _ in sessions(server, "alice")] == [transport], sessions(server, "alice"))
    jid = chat(page, bob)
    picture(page, f"chat-{transport}")
    if transport == "websocket":
        room(page, bob)
    reload(server, page, bob, jid)
    picture(page, f"reloaded-{transport}")
    in_order(page)
    page.log_out()
    wait_for("she logs out", lambda: not sessions(server, "alice"))
    page.reload()
    check("and a reload does not bring her back", page.sees("input[name=password]"))
    page.close()
    bob.ends()


def another_browser(browser, url):
    """What was said is in a browser that was not there."""
    page = browser.page(url)
    page.log_in("alice")
    check("in another browser alice logs in", page.is_in())
    page.talk_to("Bob")
    check("and reads what was said", page.shows(f"{HELLO} too") and page.shows("yes"))
    check("in its order", [t for t in page.texts() if t.startswith(HELLO)][:2] == [HELLO, f"{HELLO} too"], page.texts())
    page.click("converse-rooms-list .open-room:has-text('friends')")
    check("also in the room", page.shows("all here"))
    in_order(page)
    page.close()


def from_elsewhere(browser, http, https):
    """Under a name that is not the host's, as most pages are, the page is the same; but not without TLS."""
    page = browser.page(https.replace("127.0.0.1", "chat.example"))
    page.log_in("carol")
    check("under another name carol logs in", page.is_in())
    in_order(page)
    page.close()
    page = browser.page(http.replace("127.0.0.1", "chat.example"))
    check("without TLS the page says what is missing", page.sees("#trouble", "HTTPS"))
    in_order(page)
    page.close()


def newcomer(server, browser, url):
    """Makes an account, and a friend."""
    bob = server.login("bob")
    bob.send("<presence/>")
    page = browser.page(url)
    page.register("erin")
    check("a newcomer makes an account", page.is_in())
    page.add_contact("bob@localhost")
    asked = bob.wait(lambda e: e.name == "presence" and e.get("type") == "subscribe")
    check("asks for a contact", asked.get("from") == "erin@localhost", asked)
    bob.send("<presence to='erin@localhost' type='subscribed'/>")
    check("and sees it when it is granted", page.sees("converse-roster .list-item.online", "bob"))
    picture(page, "newcomer")
    in_order(page)
    page.close()
    bob.ends()


def fits(page, what):
    check(f"{what} is no wider than the screen", page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
    picture(page, f"phone-{what}")


def phone(server, browser, url):
    bob = server.login("bob")
    bob.send("<presence/>")
    page = browser.page(url, 360, 740, isMobile=True, hasTouch=True, deviceScaleFactor=2, locale="ko-KR", colorScheme="dark")
    check("on a phone it speaks Korean", page.sees("#converse-login", "로그인"))
    fits(page, "login")
    page.log_in("carol")
    check("carol logs in", page.is_in())
    fits(page, "contacts")
    page.talk_to("Bob")
    page.say("a long message that has to be wrapped " * 5)
    check("writes", hears(bob, "a long message that has to be wrapped " * 4 + "a long message that has to be wrapped"))
    says(bob, "carol@localhost", HELLO)
    check("and reads", page.shows(HELLO))
    fits(page, "chat")
    page.click("converse-chat-heading .fa-arrow-left")
    check("and comes back to her contacts", page.sees("converse-roster .open-chat"))
    in_order(page)
    page.close()
    bob.ends()


def everything():
    lacks = missing()
    if lacks or not (BUILD / "web").is_dir():
        skip("all of it", lacks or f"no {BUILD}/web: contrib/web/build makes it")
        return
    PICTURES.mkdir(exist_ok=True)
    modules = {"web": {"root": str(BUILD / "web"), "registration": True}, "register": {"open": True}}
    with Server(listen=LISTEN, modules=modules) as server, Browser() as browser:
        server.register("alice", "bob", "carol")
        for user, contact in [("alice", "bob"), ("bob", "alice"), ("carol", "bob"), ("bob", "carol")]:
            server.ctl("add_rosteritem", user, "localhost", contact, "localhost", contact.capitalize(), "", "both")
        http, https = (f"{name}://127.0.0.1:{server.ports[name]}/" for name in ("http", "https"))
        over(server, browser, http, "websocket")
        over(server, browser, https + "?bosh", "bosh")
        another_browser(browser, https)
        phone(server, browser, http)
        newcomer(server, browser, http)
        from_elsewhere(browser, http, https)
        server.stop()
    print(f"     pictures: {PICTURES}")


run(everything)
