#!/usr/bin/env python3
"""Two windows of profanity, a client that people use, meet in a room: what one types, the other reads."""
import os
import pty
import re
import select
import shutil
import signal
import time
from pathlib import Path

from bongsu import WAIT, Server, check, run, skip

ROOM = "tea@conference.localhost"


class Window:
    """A terminal in which profanity runs, and what it has shown."""

    def __init__(self, name):
        home = Path(f"home-{name}").resolve()
        (home / "config").mkdir(parents=True)
        (home / "data").mkdir()
        environment = dict(os.environ, HOME=str(home), TERM="xterm", LANG="C.UTF-8", LINES="50", COLUMNS="120",
                           XDG_CONFIG_HOME=f"{home}/config", XDG_DATA_HOME=f"{home}/data")
        self.name = name
        self.shown = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe("profanity", ["profanity"], environment)

    def reads(self, pattern):
        """It shows that, at the latest after a while."""
        until = time.monotonic() + WAIT
        while True:
            plain = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])", "", self.shown)
            if re.search(pattern, plain):
                self.shown = ""
                return True
            ready = select.select([self.fd], [], [], max(0, until - time.monotonic()))[0]
            try:
                data = os.read(self.fd, 65536) if ready else b""
            except OSError:
                data = b""
            if not data:
                print(f"     {self.name}: no {pattern!r} in {plain[-1500:]!r}", flush=True)
                return False
            self.shown += data.decode(errors="replace")

    def type(self, line):
        os.write(self.fd, line.encode() + b"\r")

    def login(self, port):
        return (self.reads(r"Type '/help'|Profanity|for help") and
                (self.type(f"/connect {self.name}@localhost server 127.0.0.1 port {port} tls trust") or
                 self.reads("(?i)password")) and
                (self.type("secret") or self.reads(r"(?i)logged in|online")))

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def meeting():
    with Server() as server:
        server.register("alice", "bob")
        windows = [Window("alice"), Window("bob")]
        alice, bob = windows
        try:
            check("both log in", alice.login(server.ports["starttls"]) and bob.login(server.ports["starttls"]))
            alice.type(f"/join {ROOM} nick Alice")
            check("one makes a room", alice.reads("(?i)room requires configuration|room locked|configur|You have joined"))
            alice.type("/room accept")
            check("and opens it", alice.reads("(?i)unlocked|accepted"))
            bob.type(f"/join {ROOM} nick Bob")
            check("the other joins and sees her", bob.reads("Alice"))
            check("she sees him", alice.reads("Bob"))
            bob.type("Hello from my terminal")
            check("she reads what he writes", alice.reads("Hello from my terminal"))
            alice.type("/subject set Cake")
            check("he reads the subject", bob.reads("(?i)subject.*Cake"))
            alice.type("/kick Bob Enough")
            check("and that he is kicked", bob.reads("(?i)kicked"))
            done = server.ctl("get_room_occupants_number", "tea", "conference.localhost")
            check("the server agrees", done.out == "1\n", done)
        finally:
            for window in windows:
                window.close()


if shutil.which("profanity"):
    run(meeting)
skip("all of it", "profanity is not installed")
run()
