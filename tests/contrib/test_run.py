#!/usr/bin/env python3
"""contrib/run as a new user meets it: build, start, chat between two windows and in a browser, stop, start again.

  tests/contrib/test_run.py [--dir DIR] [--npm DIR]
      --dir   keep the build there (default: a new folder)
      --npm   what contrib/npm made of tests/clients/web (default: it makes that below the build)

Runs on both stores. Prints one line a check and "N passed, N failed, N skipped".
"""
import argparse
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests/lib"))
from bongsu import Client, client_context  # noqa: E402: where it is had to be said first
from bongsu.browser import Browser, missing  # noqa: E402
counts = {"ok": 0, "FAIL": 0, "SKIP": 0}


def report(kind, what):
    counts[kind] += 1
    print(f"{kind:4} {what}", flush=True)


def check(what, holds, detail=""):
    report("ok" if holds else "FAIL", what if holds or not detail else f"{what}: {detail}")
    return holds


def free_block(size=4):
    """First of some ports that are free side by side."""
    for _ in range(50):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = probe.getsockname()[1]
        try:
            for port in range(first, first + size):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return first
        except (OSError, OverflowError):
            continue
    raise RuntimeError("no free ports")


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Script:
    """contrib/run, its output and its end."""

    def __init__(self, folder, *options, path=os.environ["PATH"]):
        self.folder = folder
        self.port = free_block()
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            [TOP / "contrib/run", "--no-install", "--dir", folder, "--port", str(self.port),
             *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env=os.environ | {"PATH": path})
        self.output = ""

    def wait_for(self, text, seconds):
        """Reads on until text is printed; False at its end or when time is up."""
        until = time.monotonic() + seconds
        out = self.process.stdout.fileno()
        while text not in self.output:
            ready, _, _ = select.select([out], [], [], max(0, until - time.monotonic()))
            data = os.read(out, 65536) if ready else b""
            if not data:
                return False
            self.output += data.decode(errors="replace")
        return True

    def started(self, seconds):
        ok = self.wait_for("Stop: ", seconds)
        self.took = time.monotonic() - self.begin
        return ok

    def passwords(self):
        return dict(re.findall(r"^  (\w+)@localhost  password: (\S+)$", self.output, re.M))

    def ctl(self, *arguments):
        return subprocess.run([self.folder / "build/bongsuctl", "--config",
                               self.folder / "bongsu.yml", *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=30, check=False)

    def knows(self, name, password):
        return self.ctl("check_password", name, "localhost", password).returncode == 0

    def stop(self, signal_number):
        """To the script's whole group, as a terminal does; returns its exit status."""
        os.killpg(self.process.pid, signal_number)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "still running after 60 s"

    def leftovers(self):
        """Processes that still name the folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if re.search(r"(bongsud|mariadbd) .*" + re.escape(str(self.folder)), command):
                found.append(command)
        return found


class Profanity:
    """One window of profanity."""

    def __init__(self, home):
        environment = dict(os.environ, HOME=str(home), TERM="xterm", LANG="C.UTF-8",
                           XDG_CONFIG_HOME=f"{home}/config", XDG_DATA_HOME=f"{home}/data")
        (home / "config").mkdir(parents=True)
        (home / "data").mkdir()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe("profanity", ["profanity"], environment)
        self.screen = ""

    def expect(self, pattern, seconds=20):
        until = time.monotonic() + seconds
        while True:
            plain = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])", "", self.screen)
            if re.search(pattern, plain):
                self.screen = ""
                return True
            ready, _, _ = select.select([self.fd], [], [], max(0, until - time.monotonic()))
            try:
                data = os.read(self.fd, 65536) if ready else b""
            except OSError:
                data = b""
            if not data:
                self.seen = plain[-1500:]
                return False
            self.screen += data.decode(errors="replace")

    def type(self, line):
        os.write(self.fd, line.encode() + b"\r")

    def close(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except OSError:
            pass


def chat(script, folder):
    """What the script says to type leads to a chat between two windows."""
    what = "two windows of profanity chat by what the script says to type"
    if not shutil.which("profanity"):
        report("SKIP", f"{what}: profanity is not installed")
        return
    commands = re.findall(r"(/connect (\w+)@localhost .*)$", script.output, re.M)
    windows = {}
    try:
        for line, name in commands:
            window = windows[name] = Profanity(folder / f"profanity-{name}")
            steps = [(None, r"Type '/help'|Profanity|for help"), (line, "(?i)password"),
                     (script.secrets[name], r"(?i)logged in|online")]
            for text, pattern in steps:
                if text is not None:
                    window.type(text)
                if not window.expect(pattern):
                    check(what, False, f"{name}: no {pattern!r} in {window.seen!r}")
                    return
        windows["alice"].type("/msg bob@localhost Hello from the other window")
        if not windows["bob"].expect(r"(?i)chat message: *alice"):
            check(what, False, f"bob saw {windows['bob'].seen!r}")
            return
        windows["bob"].type("/win 2")
        check(what, windows["bob"].expect(r"Hello from the other window"))
    finally:
        for window in windows.values():
            window.close()


def fetched(url):
    """What is there, without checking the certificate; or why not."""
    try:
        with urllib.request.urlopen(url, timeout=30, context=client_context(())) as answer:
            return answer.read().decode()
    except OSError as error:
        return str(error)


def page(script, store):
    """The printed addresses lead to the page."""
    urls = re.findall(r"(https?://[^/\s]+/)", script.output)
    check(f"{store}: prints where the page is", len(urls) == 2, script.output)
    for url in urls:
        found = fetched(url)
        check(f"{store}: {url.split(':')[0]} leads to the page", "page.js" in found, found[:500])
    return urls[0] if urls else None


def chat_in_browser(script, url, modules):
    """The first account in a browser and the second in another client reach each other."""
    what = "alice in a browser and bob in a client chat"
    lacks = missing(modules)
    if lacks:
        report("SKIP", f"{what}: {lacks}")
        return
    try:
        with Browser(modules) as browser, Client(script.port + 1, direct=client_context()) as bob:
            bob.open()
            bob.login("bob", script.secrets["bob"])
            bob.send("<presence/>")
            alice = browser.page(url)
            alice.log_in("alice", script.secrets["alice"])
            alice.is_in()
            alice.talk_to("Bob")
            alice.say("Hello from the browser")
            heard = bob.wait(lambda e: e.text("c:body") == "Hello from the browser")
            bob.send(f"<message type='chat' to='{heard.get('from')}'><body>Hello to the browser</body></message>")
            check(what, alice.shows("Hello to the browser"))
    except (OSError, EOFError, RuntimeError) as error:
        check(what, False, repr(error))


def first_start(folder, store, options):
    script = Script(folder, "--store", store, "--account", "carol:pass:word", *options)
    if not check(f"{store}: builds and starts", script.started(1500), script.output[-2000:]):
        script.stop(signal.SIGTERM)
        return None
    script.secrets = script.passwords()
    check(f"{store}: prints passwords of alice and bob",
          {"alice", "bob"} <= set(script.secrets), script.output)
    for name, password in [*script.secrets.items(), ("carol", "pass:word")]:
        if name in ("alice", "bob", "carol") and password != "as":
            check(f"{store}: {name} has that password", script.knows(name, password))
    check(f"{store}: another password is refused", not script.knows("alice", "another"))
    check(f"{store}: both ports answer", listens(script.port) and listens(script.port + 1))
    return script


def registers(port, name):
    """Does a client make itself that account, over direct TLS?"""
    with Client(port, direct=client_context()) as client:
        client.open()
        answer = client.ask("set", f"<query xmlns='jabber:iq:register'><username>{name}</username>"
                            "<password>secret</password></query>")
        return answer.get("type") == "result"


def second_start(folder, store, secrets):
    script = Script(folder, "--store", store)
    if not check(f"{store}: starts again", script.started(60), script.output[-2000:]):
        script.stop(signal.SIGTERM)
        return
    check(f"{store}: the second start takes seconds", script.took < 8, f"{script.took:.1f} s")
    print(f"     ({script.took:.1f} s)")
    check(f"{store}: prints no password again", not script.passwords())
    check(f"{store}: without the option no client makes an account", not registers(script.port + 1, "erin"))
    check(f"{store}: the accounts are kept",
          all(script.knows(n, p) for n, p in secrets.items() if n in ("alice", "bob")))
    rival = Script(folder, "--store", store)
    check(f"{store}: a second server in the same folder is refused",
          rival.process.wait(30) != 0 and rival.wait_for("already runs", 5))
    check(f"{store}: SIGTERM ends it", script.stop(signal.SIGTERM) == 0)
    check(f"{store}: nothing is left behind", not script.leftovers(), str(script.leftovers()))


def without_npm(folder):
    """The server needs no page; it says how to get one."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "npm").write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    (tools / "npm").chmod(0o755)
    for part, kept in (("web", "web-kept"), ("web.npm", "npm-kept")):
        shutil.rmtree(folder / kept, ignore_errors=True)
        (folder / part).rename(folder / kept)
    script = Script(folder, path=f"{tools}:{os.environ['PATH']}")
    check("without npm the server starts", script.started(60), script.output[-2000:])
    check("and says why there is no page", "No page to chat from: " in script.output, script.output[-2000:])
    check("at the page's address is nothing", "404" in fetched(f"http://127.0.0.1:{script.port + 2}/"))
    check("it stops, too", script.stop(signal.SIGTERM) == 0)
    shutil.rmtree(folder / "web.npm", ignore_errors=True)
    (folder / "web-kept").rename(folder / "web")
    (folder / "npm-kept").rename(folder / "web.npm")


def wrong_options():
    for options in (["--port", "none"], ["--store", "files"], ["--account", "dave"], ["--what"]):
        done = subprocess.run([TOP / "contrib/run", *options], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
        check(f"{' '.join(options)} is refused", done.returncode != 0 and options[0] in done.stdout,
              done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--npm", type=Path)
    options = parser.parse_args()
    # A shell's background jobs ignore SIGINT, and so would what is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    own = None if options.dir else tempfile.mkdtemp(prefix="bongsu-run-")
    folder = Path(own or options.dir).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    packages = (options.npm or folder / "npm").resolve()
    if not options.npm and shutil.which("npm"):
        subprocess.run([TOP / "contrib/npm", TOP / "tests/clients/web", packages], check=True)
    wrong_options()
    for store in ("sqlite", "mariadb"):
        # the build may stay; accounts and messages start anew
        for part in ("data", "mariadb", "profanity-alice", "profanity-bob"):
            shutil.rmtree(folder / part, ignore_errors=True)
        script = first_start(folder, store, ["--open-registration"])
        if script is None:
            continue
        check(f"{store}: a client makes itself an account", registers(script.port + 1, "dave"))
        url = page(script, store)
        if store == "sqlite":
            chat(script, folder)
            chat_in_browser(script, url, packages / "node_modules")
        check(f"{store}: SIGINT ends it", script.stop(signal.SIGINT) == 0)
        check(f"{store}: its ports are closed", not listens(script.port))
        check(f"{store}: no process stays", not script.leftovers(), str(script.leftovers()))
        second_start(folder, store, script.secrets)
        if store == "sqlite" and (folder / "web").is_dir():
            without_npm(folder)
    if own and not counts["FAIL"]:
        shutil.rmtree(own, ignore_errors=True)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['SKIP']} skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
