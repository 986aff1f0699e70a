"""Writers that remember what the server confirmed to them, for tests that break things while they write.

A test program starts a Server, registers, starts Writers (each a logged-in client in a thread of its own) and perhaps a
Registrar (accounts by bongsuctl), breaks something, and then asks audit(): is all there that was confirmed, and nothing
that nobody asked for? A stanza error of type "wait" is an honest refusal; another one is a fault.
"""
import itertools
import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

from bongsu import WAIT, Ended, Late, Server, check

PATIENCE = 2 * WAIT  # seconds for what an outage may delay
PING = "<ping xmlns='urn:xmpp:ping'/>"


def eventually(holds, seconds=PATIENCE):
    """Waits until holds() is true; what it gave at last."""
    until = time.monotonic() + seconds
    while not (value := holds()) and time.monotonic() < until:
        time.sleep(0.05)  # what we wait for has no event
    return value


def server(store, **options):
    """Not started yet; with room for long rosters."""
    return Server(store=store, listen={"plain": {"service": "c2s", "starttls": "off"}},
                  c2s={"max_roster": 100000}, **options)


class MariaDB:
    """A database server of one's own, which may be killed."""

    def __init__(self, folder="db"):
        self.folder = str(Path(folder).resolve())
        self.script = str(Path(os.environ["BONGSU_SOURCE"]) / "contrib/mariadb")
        self.process = None
        subprocess.run([self.script, "init", self.folder], check=True)

    def start(self, *options):
        """The value of `store`."""
        self.process = subprocess.Popen([self.script, "serve", self.folder, *options])
        return subprocess.run([self.script, "ready", self.folder], check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip()

    def sql(self, text):
        """What the administrator's client prints."""
        return subprocess.run([self.script, "sql", self.folder, "bongsu"], input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False).stdout

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Locked:
    """Another process (this one) holds SQLite's file."""

    def __init__(self, folder):
        self.path = folder / "bongsu.sqlite"
        self.db = None

    def begin(self):
        self.db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        self.db.execute("BEGIN IMMEDIATE")

    def end(self):
        self.db.execute("ROLLBACK")
        self.db.close()


class Stopped:
    """MariaDB does not answer."""

    def __init__(self, database):
        self.database = database

    def begin(self):
        self.database.process.send_signal(signal.SIGSTOP)

    def end(self):
        self.database.process.send_signal(signal.SIGCONT)


class Killed:
    """MariaDB is killed, and started anew later."""

    def __init__(self, database):
        self.database = database

    def begin(self):
        self.database.kill()

    def end(self):
        self.database.start()


class Writer:
    """A client w<number> that sends messages to o<number>, who is not there, and changes its roster and a private
    element, as fast as iqs are answered. What the server acknowledges (XEP-0198) is confirmed, too.

    room: iqs without an answer at a time; padding: characters in each message; pause: seconds between two stanzas.
    """

    def __init__(self, server, number, room=8, padding=0, pause=0.004):
        self.server, self.user, self.reader = server, f"w{number}", f"o{number}"
        self.room, self.padding, self.pause = room, "x" * padding, pause
        self.numbers = itertools.count(1)
        self.sent, self.refused = [], set()  # messages since the last audit
        self.kept = 0  # so many of them are in the store, as an administrator was told
        self.places, self.stanzas, self.acked = {}, 0, 0  # message: its place among the stanzas; and how many there were
        self.asked, self.confirmed, self.failed = set(), set(), 0  # contacts
        self.note_asked = self.note = 0  # private element: the last value sent, the last one confirmed
        self.strange = []  # answers that nobody should get
        self.due, self.settled = {}, False  # iqs without an answer; was all that was sent dealt with?
        self.stopping = threading.Event()
        self.thread = self.client = None
        self.last = ""  # the end of what the server said

    def register(self):
        self.server.register(self.user, self.reader)

    def start(self):
        self.stopping.clear()
        self.due, self.settled = {}, False
        self.client = self.server.login(self.user, "strain")
        self.client.send("<enable xmlns='urn:xmpp:sm:3'/>")
        self.client.wait("<enabled ")
        self.places, self.stanzas, self.acked = {}, 0, 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def stop(self):
        """Sends no more, and waits for the answers that are due, or for the end of the connection."""
        self.stopping.set()
        self.thread.join()

    def run(self):
        try:
            while not self.stopping.is_set():
                if len(self.due) < self.room:
                    self.write(next(self.numbers))
                self.take(self.pause if len(self.due) < self.room else 0.1)
            until = time.monotonic() + PATIENCE
            self.due["last"] = None
            self.send(f"<iq type='get' id='last'>{PING}</iq>")
            while self.due and time.monotonic() < until:
                self.take(0.1)
            self.settled = not self.due
        except (OSError, EOFError):
            pass  # the server was killed, or stopped
        finally:
            self.last = self.client.got[-1000:].decode(errors="replace")
            self.client.close()

    def send(self, stanza):
        self.stanzas += 1
        self.client.send(stanza)

    def write(self, i):
        if i % 3 == 0:
            self.asked.add(f"c{i}")
            self.due[f"r{i}"] = f"c{i}"
            self.send(f"<iq type='set' id='r{i}'><query xmlns='jabber:iq:roster'>"
                      f"<item jid='c{i}@example.org' name='number {i}'/></query></iq>")
        elif i % 5 == 0:
            self.note_asked = self.due[f"p{i}"] = i
            self.send(f"<iq type='set' id='p{i}'><query xmlns='jabber:iq:private'>"
                      f"<note xmlns='test:note'>{i}</note></query></iq>")
        else:
            self.sent.append(i)
            self.places[i] = self.stanzas + 1
            self.send(f"<message type='chat' id='m{i}' to='{self.reader}@localhost'>"
                      f"<body>{i} {self.padding}</body></message><r xmlns='urn:xmpp:sm:3'/>")

    def take(self, seconds):
        """What comes within that time."""
        try:
            if not self.client.came and not self.client.read(time.monotonic() + seconds):
                raise Ended("the server closed")
        except Late:
            pass
        for element in self.client.take():
            self.answer(element, element.get("id") or "")

    def answer(self, element, ident):
        error = element.find("c:error")
        if error is not None and error.get("type") != "wait":
            self.strange.append(element.raw)
        if element.name == "a":
            self.acked = int(element.get("h"))
        elif element.name == "message" and error is not None:
            self.refused.add(int(ident[1:]))
        elif element.get("type") == "set":  # a roster push
            self.send(f"<iq type='result' id='{ident}'/>")
        elif ident in self.due:
            self.confirm(ident, self.due.pop(ident), error)

    def confirm(self, ident, value, error):
        if error is not None:
            self.failed += 1
        elif ident.startswith("r"):
            self.confirmed.add(value)
        elif ident.startswith("p"):
            self.note = max(self.note, value)

    def count_kept(self):
        """Learns from an administrator's command how many messages are in the store."""
        done = self.server.ctl("get_offline_count", self.reader, "localhost")
        if done.code == 0:
            self.kept = max(self.kept, int(done.out))

    # ---- afterwards

    def audit(self, when):
        """Is all there that was confirmed? Takes the messages away, so that the next round begins with none."""
        check(f"{when}: {self.user} got no other errors than of type wait", not self.strange, self.strange[:3])
        self.audit_contacts(when)
        with self.server.login(self.user, "audit") as client:
            self.audit_note(when, client)
        with self.server.login(self.reader, "audit") as client:
            self.audit_messages(when, self.read_all(client))
        self.sent, self.refused, self.kept = [], set(), 0

    def audit_contacts(self, when):
        done = self.server.ctl("get_roster", self.user, "localhost")
        there = {line.split("@")[0] for line in done.out.splitlines()}
        check(f"{when}: {self.user} has the contacts that were confirmed ({len(self.confirmed)})",
              done.code == 0 and self.confirmed <= there, (done.err, sorted(self.confirmed - there)[:5]))
        check(f"{when}: {self.user} has no others", there <= self.asked, sorted(there - self.asked)[:5])

    def audit_note(self, when, client):
        answer = client.ask("get", "<query xmlns='jabber:iq:private'><note xmlns='test:note'/></query>")
        value = int(answer.text(".//{test:note}note") or 0)
        check(f"{when}: {self.user} has the note that was confirmed ({self.note}) or a later one",
              self.note <= value <= self.note_asked, (answer, self.note_asked))

    def read_all(self, client):
        """The numbers of the reader's messages."""
        client.send("<presence/>")
        eventually(lambda: client.sync() and self.server.ctl("get_offline_count", self.reader, "localhost").out == "0\n")
        client.sync()
        return [int(m.text("c:body").split()[0]) for m in client.take() if m.name == "message"]

    def audit_messages(self, when, got):
        accepted = [i for i in self.sent if i not in self.refused]
        settled = accepted if self.settled else [i for n, i in enumerate(accepted)
                                                 if n < self.kept or self.places[i] <= self.acked]
        missing = sorted(set(settled) - set(got))
        check(f"{when}: {self.reader} has the messages that were kept ({len(settled)} of {len(self.sent)}, "
              f"{len(self.refused)} refused)", not missing, missing[:5])
        check(f"{when}: in order, none twice, no others", got == sorted(set(got)) and set(got) <= set(self.sent), got)


class Registrar:
    """Accounts that come, change their password and go, by bongsuctl."""

    def __init__(self, server):
        self.server = server
        self.there, self.gone, self.unsure = {}, set(), set()  # there: name and password
        self.numbers = itertools.count(1)
        self.stopping = threading.Event()
        self.thread = None

    def start(self):
        self.stopping.clear()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def run(self):
        while not self.stopping.is_set() and self.one(f"new{next(self.numbers)}"):
            pass

    def did(self, name, *words):
        """Was it confirmed?"""
        self.unsure.add(name)
        if self.server.ctl(words[0], name, "localhost", *words[1:]).code != 0:
            return False
        self.unsure.discard(name)
        return True

    def one(self, name):
        """The life of one account; False if the server did not do it."""
        if not self.did(name, "register", "first"):
            return False
        self.there[name] = "first"
        if name.endswith(("1", "4", "7")):
            if not self.did(name, "unregister"):
                return False
            del self.there[name]
            self.gone.add(name)
        elif name.endswith(("2", "5")):
            if not self.did(name, "change_password", "second"):
                return False
            self.there[name] = "second"
        return True

    def audit(self, when):
        done = self.server.ctl("registered_users", "localhost")
        names = {name for name in done.out.split() if name.startswith("new")}
        sure = set(self.there) - self.unsure
        check(f"{when}: the accounts that were confirmed are there ({len(sure)})", done.code == 0 and sure <= names,
              sorted(sure - names)[:5])
        check(f"{when}: those whose end was confirmed are not ({len(self.gone)})", not self.gone & names,
              sorted(self.gone & names)[:5])
        check(f"{when}: there are no others", names <= set(self.there) | self.unsure, sorted(names)[-5:])
        wrong = [name for name in sorted(sure)[-10:]
                 if self.server.ctl("check_password", name, "localhost", self.there[name]).code != 0]
        check(f"{when}: they have the password that was confirmed", not wrong, wrong)
        for name in self.unsure:  # either outcome is right; this settles it
            self.server.ctl("unregister", name, "localhost")
            self.there.pop(name, None)
        self.unsure.clear()
