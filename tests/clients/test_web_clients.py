#!/usr/bin/env python3
"""Libraries for web pages that others wrote: strophe.js over WebSocket and over BOSH, @xmpp/client with its sessions.

Each logs in as a page would, chats with a client over TCP, and leaves; @xmpp/client also loses its connection and goes on.
timeout: 300
"""
import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path

from bongsu import WAIT, Server, check, run, skip

HERE = Path(__file__).resolve().parent / "web"
MODULES = Path(os.environ.get("BONGSU_BUILD", ".")).resolve() / "npm" / "node_modules"
LISTEN = {"plain": {"service": "c2s", "starttls": "off"}, "http": {"service": "http"},
          "https": {"service": "http", "tls": "direct"}}
HELLO = "안녕하세요 👋🏽 <&> \"'"


class Node:
    """A script of Node.js that tells its events as lines of JSON."""

    def __init__(self, script, *arguments):
        self.process = subprocess.Popen(["node", str(HERE / script), *arguments], stdout=subprocess.PIPE, text=True,
                                        env=os.environ | {"NODE_MODULES": str(MODULES), "NODE_TLS_REJECT_UNAUTHORIZED": "0",
                                                          "NODE_NO_WARNINGS": "1"})
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def wait(self, event):
        """The next event of that name."""
        while True:
            try:
                line = self.lines.get(timeout=2 * WAIT)
            except queue.Empty:
                line = None
            if line is None:
                raise TimeoutError(f"no {event} after {self.seen}")
            self.seen.append(line)
            found = json.loads(line) if line.startswith("{") else {"event": None}
            if found["event"] == event:
                return found

    def ends(self):
        try:
            return self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "not in time"


def talk(bob, jid, text):
    bob.send(f"<message to='{jid}' type='chat'><body>{text.replace('&', '&amp;').replace('<', '&lt;')}</body></message>")
    return bob.wait(lambda e: e.name == "message" and "you said" in (e.text("c:body") or "")).text("c:body")


def strophe(server):
    urls = {"WebSocket": f"ws://127.0.0.1:{server.ports['http']}/xmpp-websocket",
            "WebSocket with TLS": f"wss://127.0.0.1:{server.ports['https']}/xmpp-websocket",
            "BOSH": f"http://127.0.0.1:{server.ports['http']}/http-bind"}
    for what, url in urls.items():
        bob = server.login("bob")
        page = Node("strophe.mjs", url, "alice@localhost", "secret")
        jid = page.wait("CONNECTED")["jid"]
        check(f"strophe.js logs in over {what}", jid.startswith("alice@localhost/"), page.seen)
        check("gets its roster", page.wait("roster"), page.seen)
        check("and chats", talk(bob, jid, HELLO) == f"you said: {HELLO}")
        check("many times", [talk(bob, jid, str(i)) for i in range(20)] == [f"you said: {i}" for i in range(20)])
        bob.send(f"<message to='{jid}' type='chat'><body>leave</body></message>")
        check("and leaves", page.ends() == 0, page.seen)
        page = Node("strophe.mjs", url, "alice@localhost", "wrong")
        check("a wrong password is told", page.wait("AUTHFAIL"), page.seen)
        page.process.kill()
        bob.ends()


def xmpp(server):
    bob = server.login("bob")
    page = Node("xmpp.mjs", f"ws://127.0.0.1:{server.ports['http']}/xmpp-websocket", "localhost", "alice", "secret")
    jid = page.wait("online")["jid"]
    check("@xmpp/client logs in over WebSocket", jid == "alice@localhost/xmpp", page.seen)
    check("and chats", talk(bob, jid, HELLO) == f"you said: {HELLO}")
    bob.send(f"<message to='{jid}' type='chat'><body>break</body></message>")
    check("it resumes its session", page.wait("resumed"), page.seen)
    check("and goes on", talk(bob, jid, "again") == "you said: again")
    bob.send(f"<message to='{jid}' type='chat'><body>leave</body></message>")
    check("and leaves", page.wait("left"), page.seen)
    page.process.kill()
    bob.ends()


def everything():
    if not shutil.which("node") or not MODULES.is_dir():
        skip("all of it", f"no Node.js, or no {MODULES}: contrib/npm tests/clients/web makes it")
        return
    with Server(listen=LISTEN) as server:
        server.register("alice", "bob")
        strophe(server)
        xmpp(server)
        server.stop()


run(everything)
