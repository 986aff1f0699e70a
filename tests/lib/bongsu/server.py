"""A real bongsud in the test's folder, on ports that the system chooses."""
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

from bongsu import tls
from bongsu.checks import WAIT, check
from bongsu.client import Client

BONGSUD = os.environ.get("BONGSUD", "bongsud")
BONGSUCTL = os.environ.get("BONGSUCTL", "bongsuctl")
STORE = os.environ.get("BONGSU_STORE", "{driver: sqlite}")
LISTEN = {
    "plain": {"service": "c2s", "starttls": "off"},
    "starttls": {"service": "c2s", "starttls": "required"},
    "tls": {"service": "c2s", "tls": "direct"},
}

CRASHES = [-number for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)]

Done = namedtuple("Done", "code out err")


class Server:
    """A server with its configuration, log and data; as a context it is started, and killed at the end.

    name: of its files, NAME.yml, NAME.log and the folder NAME-data. hosts: names, or maps as in bongsu.yml; a
    certificate (cert.pem, key.pem) is made for them. listen: {name: row of bongsu.yml}, of which address and port need
    not be said; the names are the keys of `ports`. Everything else is an option of bongsu.yml, as its value in Python:
    Server(workers=2, c2s={"max_depth": 10}, modules={"register": {"open": True}}). Servers of one test share their database
    if the store is MariaDB: one at a time.
    """

    def __init__(self, name="bongsu", hosts=("localhost",), listen=None, **options):
        self.path = Path(f"{name}.yml")
        self.log_path = self.err_path = Path(f"{name}.log")
        self.data = Path(f"{name}-data")
        self.host = hosts[0] if isinstance(hosts[0], str) else hosts[0]["name"]
        self.listen = LISTEN if listen is None else listen
        self.options = {"hosts": hosts, "data_dir": str(self.data), "store": STORE, "tls": {"certificate": "cert.pem"},
                        "log": {"level": "info"}, "workers": 2} | options
        if "file" in self.options["log"]:
            self.log_path = Path(self.options["log"]["file"])
        self.process = None
        self.ports = {}
        self.begin = 0  # of the log since the last start
        if not Path("cert.pem").exists():
            tls.certificate(*(h if isinstance(h, str) else h["name"] for h in hosts), key="cert.key")
            with open("cert.pem", "a", encoding="ascii") as file:
                file.write(Path("cert.key").read_text(encoding="ascii"))
        self.configure()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    # ---- configuration

    def configure(self, text=None, **options):
        """Writes the file anew with the changed options, or that text in its place. See reload()."""
        self.options |= options
        rows = [{"address": "127.0.0.1", "port": 0} | row for row in self.listen.values()]
        lines = {name: value if name == "store" else json.dumps(value)
                 for name, value in (self.options | {"listen": rows}).items()}
        self.path.write_text(text if text is not None else "".join(f"{k}: {v}\n" for k, v in lines.items()), encoding="utf-8")

    def reload(self):
        """Puts the file in force; what bongsuctl said."""
        return self.ctl("reload_config")

    # ---- life

    def start(self, environment=None):
        """Starts it and waits until it is ready. The log goes on."""
        self.begin = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.err_path, "ab") as log:
            self.process = subprocess.Popen([BONGSUD, "--config", str(self.path)], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=os.environ | (environment or {}))
        line = self.wait_log(r"[ \"]ready:(.*)\n")
        ports = [int(port) for port in re.findall(r" port (\d+)", line[1])]
        self.ports = dict(zip(self.listen, ports))

    def stop(self, number=signal.SIGTERM):
        """Asks it to stop, and checks that it does so with status 0."""
        self.process.send_signal(number)
        try:
            status = self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            status = "not in time"
        return check("the server stops", status == 0, f"{status}: {self.log()[-2000:]}")

    def kill(self):
        """Kills it, if it still runs. If it crashed before, tests/run is told by a file."""
        if self.process:
            if self.process.poll() in CRASHES:
                Path(f"crash.{self.process.pid}").write_text(self.log()[-2000:], encoding="utf-8")
            self.process.kill()
            self.process.wait()

    def restart(self):
        """Stops it in peace and starts it anew, with other ports."""
        self.stop()
        self.start()

    # ---- what it tells

    def log(self):
        """What it logged since it was started."""
        return self.log_path.read_bytes()[self.begin:].decode(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, seconds=WAIT):
        """Waits for a line in the log since the last start; returns the match."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            over = self.process.poll() is not None
            found = re.search(pattern, self.log())
            if found or over:
                break
            time.sleep(0.02)  # the file has no event to wait for
        if not found:
            raise TimeoutError(f"no {pattern} in the log: {self.log()[-3000:]}")
        return found

    def memory(self):
        """Resident memory in KB; 0 with a sanitizer, which keeps what was freed."""
        if os.environ.get("BONGSU_SANITIZER"):
            return 0
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii"))[1])

    def cpu(self, thread=""):
        """Seconds of processor time that its threads took so far, those whose name begins so."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text(encoding="ascii").startswith(thread):
                total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
        return total / 1e9

    def waits(self, thread=""):
        """How often its threads whose name begins so slept and were woken."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(encoding="ascii"))[1])
                   for task in tasks if (task / "comm").read_text(encoding="ascii").startswith(thread))

    def sql(self, text):
        """Runs statements in the server's own database; the rows, as texts."""
        if "sqlite" in self.options["store"]:
            db = sqlite3.connect(self.data / "bongsu.sqlite", timeout=WAIT)
            with db:
                rows = [[str(cell) for cell in row] for row in db.execute(text)]
            db.close()
            return rows
        done = subprocess.run(self.mariadb(), input=text, capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def mariadb(self):
        """The command that reads statements for the server's database."""
        settings = dict(re.findall(r'(\w+): "?([^",}]+)', self.options["store"]))
        return ["mariadb", f"--socket={settings['socket']}", f"--user={settings['user']}", "--batch", "--skip-column-names",
                f"--password={settings.get('password', '')}", settings["database"]]

    @contextmanager
    def held(self, lock="archive WRITE"):
        """Meanwhile nothing is written to archives: their requests wait. lock: the table that MariaDB locks, and how."""
        if "sqlite" in self.options["store"]:
            db = sqlite3.connect(self.data / "bongsu.sqlite", timeout=WAIT, isolation_level=None)
            db.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                db.close()
            return
        with subprocess.Popen([*self.mariadb(), "--unbuffered"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as db:
            db.stdin.write(f"LOCK TABLES {lock}; SELECT 'held';\n")
            db.stdin.flush()
            assert db.stdout.readline() == "held\n"
            try:
                yield
            finally:
                db.stdin.close()
                db.wait()

    # ---- administration

    def ctl(self, *arguments, stdin=None):
        """Runs bongsuctl: code, out and err."""
        done = subprocess.run([BONGSUCTL, "--config", str(self.path), *arguments], input=stdin, capture_output=True, text=True,
                              timeout=2 * WAIT, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    def register(self, *users, password="secret", host=None):
        """Makes accounts; those that are there stay as they are."""
        for user in users:
            done = self.ctl("register", user, host or self.host, password)
            if done.code and "already registered" not in done.err:
                raise RuntimeError(f"register {user}: {done.err}")

    def connect(self, port="plain", host=None, **how):
        """A client that has not opened its stream yet; how: see Client."""
        if port == "tls":
            how = {"direct": tls.client_context()} | how
        return Client(self.ports[port], host or self.host, **how)

    def client(self, port="plain", host=None, **how):
        """A client whose stream is open, and secure on the ports `starttls` and `tls`."""
        client = self.connect(port, host, **how)
        client.open()
        if port == "starttls":
            client.starttls()
            client.open()
        return client

    def login(self, user, resource=None, password="secret", port="plain", host=None, **how):
        """A client with a bound resource; how: see Client.authenticate."""
        return self.client(port, host).login(user, password, resource, **how)
