#!/usr/bin/env python3
"""How the server starts, reloads and stops.

A wrong command line or configuration ends it with a clear line and the right code, and starts nothing. A good one
makes it ready: the supervisor is told. SIGHUP puts a new configuration in force, or keeps the old one and says why.
A second server on the same data_dir is refused. SIGTERM and SIGINT stop it with status 0.
"""
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from bongsu import WAIT, certificate, check, run, wait_for
from bongsu.server import BONGSUD, STORE


def once(*arguments):
    """Runs bongsud to its end; its status, and what it printed and complained."""
    done = subprocess.run([BONGSUD, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
    return done.returncode, done.stdout, done.stderr


def write(name, text):
    Path(name).write_text(text)
    return name


def config(folder, more="", listen="{service: c2s, address: 127.0.0.1, port: 0, starttls: off}"):
    return f"hosts: [localhost]\ndata_dir: {folder}\nstore: {STORE}\nlisten: [{listen}]\n{more}"


class Server:
    """bongsud with its log, and the states that it tells its supervisor."""

    def __init__(self, path):
        self.supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.supervisor.bind("")  # an abstract name from the kernel
        self.supervisor.settimeout(WAIT)
        name = self.supervisor.getsockname()
        address = "@" + name[1:].decode()
        self.log = Path(path + ".log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([BONGSUD, "--config", path], stderr=log,
                                            env={**os.environ, "NOTIFY_SOCKET": address})

    def state(self):
        """The next word to the supervisor, or None."""
        try:
            return self.supervisor.recv(1000).decode().split("\n")[0]
        except TimeoutError:
            return None

    def logged(self, pattern):
        """Waits for a line."""
        until = time.monotonic() + WAIT
        while time.monotonic() < until:
            found = re.search(pattern, self.log.read_text())
            if found:
                return found
            time.sleep(0.02)  # the file has no event to wait for
        return None

    def end(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(WAIT)
        finally:
            self.process.kill()
            self.supervisor.close()


def command_line():
    status, out, _ = once("--version")
    check("--version prints the version", status == 0 and re.match(r"bongsud \d+\.\d+", out), out)
    status, out, _ = once("--help")
    check("--help lists the options", status == 0 and "--check" in out and "--print" in out, out)
    for arguments, word in ((["--what"], "--what"), (["extra"], "extra"), (["--config"], "--config"),
                            (["--print=nothing"], "nothing")):
        status, out, err = once(*arguments)
        check(f"{' '.join(arguments)} is refused with status 2",
              status == 2 and word in err and err.count("\n") == 1 and not out, f"{status} {out} {err}")
    for page, start in (("config", "# "), ("metrics", "# "), ("modules", "# "), ("xeps", "# "), ("doap", "<?xml")):
        status, out, err = once(f"--print={page}")
        check(f"--print={page} prints a page", status == 0 and out.startswith(start) and not err, out[:100] + err)


def faults():
    path = write("broken.yml", "hots: [localhost]\nworkers: many\nlisten: []\n")
    status, out, err = once("--config", path, "--check")
    lines = err.splitlines()
    check("--check tells every fault with its place",
          status == 1 and not out and any(line.startswith("broken.yml:1:1: ") and '"hosts"' in line for line in lines)
          and any(line.startswith("broken.yml:2:10: ") for line in lines), err)
    check("a broken file starts nothing", once("--config", path)[0] == 1)
    status, _, err = once("--config", "missing.yml", "--check")
    check("a missing file is named", status == 1 and "missing.yml" in err and "No such file" in err, err)
    status, out, _ = once("--config", write("good.yml", config("data-check")), "--check")
    check("--check finds no fault in a good file", status == 0 and "no faults" in out, out)
    check("--check makes no data_dir", not Path("data-check").exists())


# what is in the file, and the beginnings of the lines that tell it
MANY_FAULTS = """\
hosts:
  - localhost
  - 'a b'
  - {name: example.org, tls: {certificate: none.pem}}
  - {name: example.net, tls: {certificate: one.pem, key: two.key}}
  - {name: example.com, tls: {certificate: one.pem}}
tls: {certificate: faults.yml}
wrokers: 3
c2s: {max_depth: 2, auth_timeout: soon}
listen:
  - {service: c2s, address: nowhere, port: 99999, starttls: of}
modules: {registr: {open: true}, register: {open: maybe}}
"""
TOLD = [
    (3, 5, '"a b" cannot be a host; expected a domain'),
    (4, 44, "certificate .*/none.pem: No such file or directory; expected PEM files"),
    (5, 58, "key .*/two.key does not belong to certificate .*/one.pem"),
    (6, 44, "key .*/one.pem: "),
    (7, 20, "certificate .*/faults.yml: "),
    (8, 1, '"wrokers" is not an option; expected .*; did you mean "workers"?'),
    (9, 18, 'max_depth is "2"; expected a whole number from 8 to 1000'),
    (9, 35, 'auth_timeout is "soon"; expected a duration such as 30s'),
    (11, 29, 'address is "nowhere"; expected an IP address'),
    (11, 44, 'port is "99999"; expected a whole number at most 65535'),
    (11, 61, 'starttls is "of"; expected required, optional or off; did you mean "off"?'),
    (12, 11, '"registr" is not a module; expected .*; did you mean "register"?'),
    (12, 51, 'open is "maybe"; expected true or false'),
]


def all_faults():
    certificate("one.example", cert="one.pem", key="one.key")
    certificate("two.example", cert="two.pem", key="two.key")
    status, _, err = once("--config", write("faults.yml", MANY_FAULTS), "--check")
    lines = err.splitlines()
    check("many faults are told at once, in their order, and no more", status == 1 and len(lines) == len(TOLD), err)
    for line, (row, column, text) in zip(lines, TOLD):
        check(f"faults.yml:{row}:{column}", re.match(rf"faults\.yml:{row}:{column}: {text.replace('?', '[?]')}", line), line)


def cannot_start():
    Path("file").write_text("")
    status, _, err = once("--config", write("file.yml", config("file/data")))
    check("a data_dir that cannot be made is named", status == 1 and "file/data" in err, err)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        row = f"{{service: c2s, address: 127.0.0.1, port: {port}, starttls: off}}"
        status, _, err = once("--config", write("port.yml", config("data-port", listen=row)))
        check("a port in use is named", status == 1 and
              re.search(rf"error.*could not start: 127\.0\.0\.1 port {port}: Address already in use\n", err), err)
    Path("modules").mkdir()
    Path("modules/broken.so").write_text("not a shared object")
    status, _, err = once("--config", write("modules.yml", config("data-modules", "modules_dir: modules\n")))
    check("a module that cannot be loaded is named",
          status == 1 and "modules/broken.so" in err and err.count("\n") == 1, err)
    row = "{service: c2s, address: 127.0.0.1, port: 0, tls: direct}"
    path = write("tls.yml", config("data-tls", "tls: {certificate: none.pem}\n", listen=row))
    for arguments in (["--check"], []):
        status, _, err = once("--config", path, *arguments)
        check(f"a certificate that is not there is named {arguments}",
              status == 1 and "tls.yml:5:20: " in err and "none.pem" in err and err.count("\n") == 1, err)


def life():
    path = write("life.yml", config("data"))
    server = Server(path)
    try:
        if not check("the supervisor is told when it is ready", server.state() == "READY=1", server.log.read_text()):
            return
        port = server.logged(r"\binfo\b.* ready: c2s 127\.0\.0\.1 port (\d+)\n")
        if check("the log says ready, with address and port", port, server.log.read_text()):
            with socket.socket() as client:
                check("the port accepts", client.connect_ex(("127.0.0.1", int(port.group(1)))) == 0)
        mode = Path("data").stat().st_mode & 0o777
        check("data_dir is for its owner alone", mode == 0o700, oct(mode))
        status, _, err = once("--config", path)
        check("a second server on the same data_dir is refused",
              status == 1 and f"process {server.process.pid}" in err, err)

        write("life.yml", config("data", "wrokers: 3\n"))
        server.process.send_signal(signal.SIGHUP)
        check("a reload is told to the supervisor", server.state() == "RELOADING=1")
        check("a broken file is reported by a reload",
              server.logged(r'error.*life\.yml:5:1: .*did you mean "workers"') and server.logged("kept the old"))
        check("and the server goes on", server.state() == "READY=1" and server.process.poll() is None)

        write("life.yml", config("data", "workers: 3\nc2s: {auth_timeout: 7s}\nlog: {level: debug}\n"))
        server.process.send_signal(signal.SIGHUP)
        check("a good file is reloaded", server.logged(r"c2s\.auth_timeout: 7s, was 1m"))
        check("what needs a restart is told", server.logged(r"workers: 3, was 0; applies after a restart"))
        check("the supervisor hears of both ends", server.state() == "RELOADING=1" and server.state() == "READY=1")
        check("SIGTERM stops it with status 0", server.end(signal.SIGTERM) == 0, server.log.read_text())
    finally:
        server.end(signal.SIGKILL)


def read_until(client, *endings):
    """What a raw client gets up to one of these texts, or the end."""
    got = b""
    while not any(ending in got for ending in endings):
        part = client.recv(65536)
        if not part:
            break
        got += part
    return got.decode()


def goodbye():
    """Clients in the middle of things: one that closes its stream, one that says nothing more."""
    server = Server(write("goodbye.yml", config("data-goodbye")))
    try:
        if not check("it is ready again", server.state() == "READY=1", server.log.read_text()):
            return
        port = int(server.logged(r"127\.0\.0\.1 port (\d+)").group(1))
        clients = [socket.create_connection(("127.0.0.1", port), WAIT) for _ in range(2)]
        for client in clients:
            client.sendall(b"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
                           b"xmlns:stream='http://etherx.jabber.org/streams'>")
            features = read_until(client, b"</stream:features>")
            check("a stream is opened", "</stream:features>" in features, features)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            last = read_until(client, b"</stream:stream>")
            check("SIGTERM ends a stream with system-shutdown",
                  "<system-shutdown " in last and last.endswith("</stream:stream>"), last)
        clients[0].sendall(b"</stream:stream>")
        clients[0].close()
        check("it stops with status 0", server.end(signal.SIGTERM) == 0, server.log.read_text())
        check("a client that does not close holds it up for seconds only", time.monotonic() - begin < 10)
        check("its last words are in the log", server.logged(r"stopped\n$"), server.log.read_text())
        clients[1].close()
    finally:
        server.end(signal.SIGKILL)


def log_file():
    path = write("log.yml", config("data-log", "log: {file: server.log, format: json}\n"))
    server = Server(path)
    log = Path("server.log")
    try:
        check("it is ready with a log file", server.state() == "READY=1", server.log.read_text())
        log.rename("server.log.1")
        server.process.send_signal(signal.SIGUSR1)
        wait_for("SIGUSR1 opens the log file anew", lambda: log.exists() and "reopened" in log.read_text())
        check("SIGINT stops it with status 0", server.end(signal.SIGINT) == 0)
        check("nothing went to standard error", server.log.read_text() == "", server.log.read_text())
    finally:
        server.end(signal.SIGKILL)


run(command_line, faults, all_faults, cannot_start, life, goodbye, log_file)
