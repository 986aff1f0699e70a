#!/usr/bin/env python3
"""Who guesses passwords: each failure makes the next answer slower, too many are refused, on each connection and for each
account, and nothing tells whether an account exists. Passwords are stored as keys only, and deriving them is no work
of the threads that serve others. Who cannot be checked because the store is away is told to try later.
"""
import base64
import itertools
import socket
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from bongsu import Scram, Server, check, run
from bongsu.client import SASL
from bongsu.server import LISTEN, STORE

MAX = 6
server = Server(c2s={"max_failures_per_account": MAX, "max_failures_per_address": MAX}, listen=LISTEN | {
    "proxied": {"service": "c2s", "starttls": "off", "proxy_protocol": True, "proxies": ["127.0.0.1"]}})
numbers = itertools.count(1)


def connect(port="plain", where=None):
    n = next(numbers)
    return server.client(port, source=where or f"127.0.{n // 250 + 1}.{n % 250 + 2}")


def start():
    server.start()
    server.register("alice", "bob", "carol", "dave")
    server.register("eve", password="a secret that nobody stores")


def slower():
    """From one address, the answers to failures come later each time, and three are all that a connection has."""
    client = connect(where="127.0.0.9")
    waits = []
    for _ in range(3):
        begin = time.monotonic()
        answer = client.authenticate("alice", "wrong")
        waits.append(time.monotonic() - begin)
        check("a wrong password: not-authorized", answer.condition == "not-authorized", answer)
    check("the third is the connection's last", client.ended() == "policy-violation", client.got)
    check("each answer waits half a second more", waits[0] > 0.49 and waits[1] > 0.99 and waits[2] > 1.49, waits)
    client = connect(where="127.0.0.9")
    begin = time.monotonic()
    client.authenticate("nobody", "wrong")
    check("also on a new connection, for another account", time.monotonic() - begin > 1.49, time.monotonic() - begin)
    begin = time.monotonic()
    check("the right password is not slow", client.authenticate("bob", "secret").name == "success" and
          time.monotonic() - begin < 1, time.monotonic() - begin)
    client = connect(where="127.0.0.9")
    for _ in range(3):
        client.send(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>####</auth>")
    check("what is no guess is not slow, but counts", client.ended() == "policy-violation" and
          client.got.count(b"<incorrect-encoding/>") == 3, client.got)


def guess(user):
    begin = time.monotonic()
    answer = connect().authenticate(user, "wrong", "SCRAM-SHA-256")
    return answer.condition, time.monotonic() - begin


def bounded():
    """Many guesses at once, from as many addresses: only so many are looked at."""
    home = "127.0.0.77"
    connect(where=home).login("carol")
    for user in ("carol", "nobody-here"):
        with ThreadPoolExecutor(MAX + 6) as pool:
            results = list(pool.map(guess, [user] * (MAX + 6)))
        conditions = [condition for condition, _ in results]
        check(f"{user}: {MAX} guesses are answered, the others refused", conditions.count("not-authorized") == MAX and
              conditions.count("temporary-auth-failure") == 6, conditions)
    check("then the right password is refused too", connect().authenticate("carol", "secret").condition ==
          "temporary-auth-failure")
    check("but not from where she logged in before", connect(where=home).authenticate("carol", "secret").name == "success")
    check("nor other accounts", connect().authenticate("dave", "secret").name == "success")
    until = time.monotonic() + 60
    while (answer := connect().authenticate("carol", "secret")).name != "success" and time.monotonic() < until:
        time.sleep(0.5)
    check("after some seconds it is accepted again", answer.name == "success", answer)


def bounded_by_address():
    """As many accounts as one likes, but from one address; IPv6 counts by /64."""
    server.register(*(f"many{n}" for n in range(MAX + 6)))
    for what, address in (("192.0.2.7", "192.0.2.7"), ("2001:db8::/64", "2001:db8::{}")):
        def attempt(n, where=address):
            return server.client("proxied", proxied=where.format(n)).authenticate(f"many{n}", "wrong").condition
        with ThreadPoolExecutor(MAX + 6) as pool:
            conditions = list(pool.map(attempt, range(MAX + 6)))
        check(f"{what}: {MAX} guesses are answered, the others refused", conditions.count("not-authorized") == MAX and
              conditions.count("temporary-auth-failure") == 6, conditions)
        answer = server.client("proxied", proxied=address.format(99)).authenticate("dave", "secret")
        check("then the right password is refused too", answer.condition == "temporary-auth-failure", answer)
    for address in ("192.0.2.8", "2001:db8:0:1::7"):
        answer = server.client("proxied", proxied=address).authenticate("dave", "secret")
        check(f"but not from {address}", answer.name == "success", answer)


def challenge(client, user, mechanism):
    """Salt and iterations that the user gets, and the time until then."""
    client.auth(mechanism, Scram(mechanism, user, "x").first())
    begin = time.perf_counter()
    parts = dict(p.split("=", 1) for p in base64.b64decode(client.wait("<challenge").xml.text).decode().split(","))
    took = time.perf_counter() - begin
    client.send(f"<abort xmlns='{SASL}'/>")
    client.wait("<aborted/>")
    return parts["s"], parts["i"], took


def is_alike(ratio):
    return 0.8 < ratio < 1.25


def time_ratio():
    """Median time until the challenge of an account that exists, by that of one that does not."""
    times = {"alice": [], "nobody": []}
    clients = {user: connect() for user in times}
    for n in range(400):
        if n % 80 == 79:
            clients = {user: connect() for user in times}
        for user in times if n % 2 else reversed(times):
            times[user].append(challenge(clients[user], user, "SCRAM-SHA-256")[2])
    return statistics.median(times["alice"]) / statistics.median(times["nobody"])


def alike():
    """An account that does not exist behaves like one that does."""
    server.configure(c2s={"auth_attempts": 100, "max_failures_per_account": 0, "burst_stanzas": 100000})
    server.reload()
    seen = {}
    for user in ("alice", "nobody", "nobody2"):
        for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            answers = {challenge(connect(), user, mechanism)[:2] for _ in range(3)}
            check(f"{user} has one {mechanism} salt", len(answers) == 1, answers)
            seen[user, mechanism] = answers.pop()
    check("salts are all different, and of one length",
          len({salt for salt, _ in seen.values()}) == 9 and len({len(salt) for salt, _ in seen.values()}) == 1, seen)
    check("iterations are all the same", len({count for _, count in seen.values()}) == 1, seen)
    ratios = []
    while len(ratios) < 4 and not (ratios and is_alike(ratios[-1])):  # other load on the machine comes and goes
        ratios.append(time_ratio())
    check("the challenge comes as fast", is_alike(ratios[-1]), ratios)
    server.register(*(f"user{n}" for n in range(20)))
    spent = {"user": [], "nobody": []}
    for kind in ["user", "nobody"] * 4:
        begin = server.cpu()
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda n, k=kind: connect("tls").authenticate(f"{k}{n}", "wrong", "PLAIN").condition,
                                    range(20)))
        spent[kind].append(server.cpu() - begin)
        if set(answers) != {"not-authorized"}:
            check("all are refused alike", False, answers)
    sums = {kind: min(values) for kind, values in spent.items()}
    check("a wrong password costs the server as much", is_alike(sums["user"] / sums["nobody"]), spent)
    before = seen["nobody", "SCRAM-SHA-1"]
    server.configure(c2s={"max_failures_per_account": MAX})
    server.restart()
    check("the salt of who does not exist outlives the server",
          challenge(connect(), "nobody", "SCRAM-SHA-1")[:2] == before)


def stored():
    rows = server.sql("SELECT mechanism, iterations FROM credential WHERE owner = 'eve@localhost' ORDER BY mechanism")
    check("a password makes three rows of keys", [row[0] for row in rows] == ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"] and
          all(int(row[1]) >= 4096 for row in rows), rows)
    if "sqlite" in STORE:
        kept = b"".join(path.read_bytes() for path in server.data.glob("bongsu.sqlite*"))
        check("and is nowhere itself", b"eve@localhost" in kept and b"nobody stores" not in kept)
    check("nor in the log", "nobody stores" not in server.log())


def off_the_workers():
    """PLAIN needs a key derivation, new passwords three."""
    for what, work in (("PLAIN", lambda: [connect("tls").authenticate("alice", "secret", "PLAIN") for _ in range(20)]),
                       ("new passwords", lambda: [server.ctl("change_password", "alice", "localhost", "secret")
                                                  for _ in range(10)])):
        work()
        workers, chores = server.cpu("worker"), server.cpu("chore")
        work()
        workers, chores = server.cpu("worker") - workers, server.cpu("chore") - chores
        check(f"{what}: the derivation is not the workers'", chores > workers, (chores, workers))


class Proxy:
    """A way to the database that can be cut."""

    def __init__(self, path, to):
        self.to = to
        self.open = True
        self.pairs = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            if not self.open:
                client.close()
                continue
            database = socket.socket(socket.AF_UNIX)
            database.connect(self.to)
            self.pairs += [client, database]
            for one, other in ((client, database), (database, client)):
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()

    @staticmethod
    def copy(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def cut(self):
        self.open = False
        for sock in self.pairs:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def store_away():
    """SQLite never is."""
    path = STORE.partition("socket:")[2].strip().split(",")[0].split("}")[0].strip(' "')
    proxy = Proxy("proxy.sock", path)
    away = Server("away", store=STORE.replace(path, "proxy.sock").replace("}", ", timeout: 1s}"))
    with away:
        for user, mechanism in (("alice", "SCRAM-SHA-1"), ("alice", "PLAIN"), ("nobody", "SCRAM-SHA-1")):
            proxy.open = True
            check("the store is there", away.client("tls").authenticate("bob", "secret").name == "success")
            client = away.client("tls")
            proxy.cut()
            answer = client.authenticate(user, "secret", mechanism)
            check(f"{mechanism} as {user} while the store is away: temporary-auth-failure",
                  answer.condition == "temporary-auth-failure", answer)
            proxy.open = True
            until = time.monotonic() + 30
            while (answer := away.client("tls").authenticate("bob", "secret")).name != "success" and time.monotonic() < until:
                time.sleep(0.2)
            check("it heals by itself", answer.name == "success", answer)
        away.stop()


run(start, slower, bounded, bounded_by_address, alike, stored, off_the_workers, server.stop, *([store_away] if "mariadb" in STORE else []))
