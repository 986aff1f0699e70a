#!/usr/bin/env python3
"""Behind nginx, HAProxy and Caddy, with the very files of contrib/proxy: only names, ports and paths are put in their place.

TLS ends at the proxy. Alice comes over WebSocket, bob over BOSH, others over TCP where the proxy passes that on, each from an
address of his own, and lies about it. A second node is in each file, where nobody answers.
"""
import contextlib
import json
import os
import random
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from bongsu import Client, Server, check, run, skip, tls
from bongsu.bosh import BoshClient, Session
from bongsu.browser import Browser, missing
from bongsu.checks import WAIT
from bongsu.client import Ended
from bongsu.web import Http, ask
from bongsu.websocket import WebSocket

FILES = Path(os.environ["BONGSU_SOURCE"]) / "contrib/proxy"
PAGE = FILES.parent / "web/page"  # without what npm brings, which is not looked at here
NODES = ["web", "c2s", "c2s_tls", "ended"]  # as in bongsu.yml
PORTS = dict(zip(NODES, [5280, 15222, 15223, 15224]))
LIES = {"X_Forwarded_For": "203.0.113.66", "X_Forwarded_Proto": "http", "Forwarded": "for=203.0.113.67;proto=http"}
server = Server(listen={name: {} for name in NODES})


def put(text, *pairs):
    """Each pattern must be there."""
    for pattern, value in pairs:
        text, count = re.subn(pattern, value, text)
        assert count, f"no {pattern}"
    return text


def configure(public="https://chat.example.org"):
    text = put((FILES / "bongsu.yml").read_text(encoding="utf-8"), (r"https://chat\.example\.org", public),
               (r"example\.org\b", "localhost"), ("/var/lib/bongsu-web", str(PAGE)), ("/etc/bongsu/chain.pem", "cert.pem"), ("/etc/bongsu/key.pem", "cert.key"),
               *((f"port: {port}", "port: 0") for port in PORTS.values()))
    rest = {"data_dir": str(server.data), "log": json.dumps({"level": "debug"}), "workers": 2, "store": server.options["store"]}
    server.configure(text + "".join(f"{name}: {value}\n" for name, value in rest.items()))


def free_port():
    """One that connections of others do not take by chance, as they could take one of the system's choice."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Proxy:
    """A proxy in a folder of its own. ports: https, http, and for some c2s and c2s_tls."""

    dead = socket.socket()  # bound, and nobody listens: connections are refused
    dead.bind(("127.0.0.1", 0))

    def __init__(self, name, tcp=True, ended=False):
        self.name, self.tcp, self.ended = name, tcp, ended
        self.folder = Path(f"{name}{'-ended' if ended else ''}").absolute()
        self.folder.mkdir()
        shutil.copy("cert.pem", self.folder)
        self.ports = {}
        self.process = None

    def __enter__(self):
        for _ in range(5):  # a port may be taken meanwhile
            self.ports = {name: free_port() for name in ("https", "http", "c2s", "c2s_tls")}
            arguments = getattr(self, self.name)()
            with open(self.folder / "log", "ab") as log:
                self.process = subprocess.Popen(arguments, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                env=os.environ | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder),
                                                                  "XDG_CONFIG_HOME": str(self.folder)})
            if self.is_ready():
                return self
        raise TimeoutError(f"{self.name} does not start: {(self.folder / 'log').read_text(encoding='utf-8')[-3000:]}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(WAIT)
        except subprocess.TimeoutExpired:  # caddy waits for its clients
            self.process.kill()
            self.process.wait()

    def is_ready(self):
        until = time.monotonic() + WAIT
        while time.monotonic() < until and self.process.poll() is None:
            try:
                ask(self.ports["https"], "GET", "/nothing", secure=True)
                return True
            except (OSError, Ended):
                time.sleep(0.05)
        self.process.kill()
        self.process.wait()
        return False

    def text(self, name):
        """A file of contrib/proxy with what all have in common: names, certificates, nodes."""
        text = put((FILES / name).read_text(encoding="utf-8"), (r"# (server .*192\.0\.2\.12:)", r"\1")) if name != "Caddyfile" \
            else (FILES / name).read_text(encoding="utf-8")
        for node, port in PORTS.items():
            text = re.sub(rf"127\.0\.0\.1:{port}", f"127.0.0.1:{server.ports[node]}", text)
        text = re.sub(r"192\.0\.2\.12:\d+", "127.0.0.1:%d" % self.dead.getsockname()[1], text)
        return re.sub(r"(chat\.)?example\.org\b(?!\.pem|/)", "localhost", text)

    def nginx(self):
        web = put(self.text("nginx-http.conf"), ("listen 443 ", f"listen 127.0.0.1:{self.ports['https']} "),
                  ("listen 80;", f"listen 127.0.0.1:{self.ports['http']};"), (r"listen \[::\].*;", ""),
                  ("/etc/letsencrypt/.*/(fullchain|privkey).pem", f"{self.folder}/cert.pem"), ("localhost localhost", "localhost"))
        tcp = put(self.text("nginx-stream.conf"), ("listen 5222 ", f"listen 127.0.0.1:{self.ports['c2s']} "),
                  ("listen 5223 ", f"listen 127.0.0.1:{self.ports['c2s_tls']} "), (r"listen \[::\].*;", ""))
        main = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\ndaemon off;\npid nginx.pid;\nerror_log stderr;\n" \
            "events { }\ninclude stream.conf;\nhttp {\naccess_log access.log;\ninclude web.conf;\n" + "".join(
                f"{name}_temp_path {name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")) + "}\n"
        if os.getuid() == 0:
            main = "user root;\n" + main
        for name, text in {"web.conf": web, "stream.conf": tcp, "nginx.conf": main}.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        return ["/usr/sbin/nginx", "-e", "stderr", "-p", str(self.folder), "-c", "nginx.conf"]

    def haproxy(self):
        text = self.text("haproxy.cfg")
        if self.ended:
            text = put(text, (r"\tbind :::5223 v4v6\n", ""), (r"\tdefault_backend bongsu_c2s_tls\n", ""),
                       (r"# (bind :::5223 .* ssl)", r"\1"), ("# (default_backend bongsu_c2s_ended)", r"\1"))
        text = put(text, *((f"bind :::{port} v4v6", f"bind 127.0.0.1:{self.ports[name]}") for name, port in
                           (("https", 443), ("http", 80), ("c2s", 5222), ("c2s_tls", 5223))),
                   ("/etc/haproxy/certs/[a-z.]*", "cert.pem"), (r"\t(user|group) haproxy\n", ""),
                   ("log /dev/log local0", "log stdout format raw local0"), ("maxconn 100000", "maxconn 500"))
        (self.folder / "haproxy.cfg").write_text(text, encoding="utf-8")
        return ["/usr/sbin/haproxy", "-db", "-f", "haproxy.cfg"]

    def caddy(self):
        options = f"admin off\nhttp_port {self.ports['http']}\nhttps_port {self.ports['https']}\ndefault_bind 127.0.0.1\n" \
            "servers {\nprotocols h1 h2\n}\n"
        text = put(self.text("Caddyfile"), ("localhost, localhost {", "localhost {"), (r"# tls .*", "tls cert.pem cert.pem"),
                   (r"(?m)^(\treverse_proxy .*) \{", r"\1 127.0.0.1:%d {" % self.dead.getsockname()[1]))
        (self.folder / "Caddyfile").write_text("{\n" + options + "}\n" + text, encoding="utf-8")
        return ["caddy", "run", "--adapter", "caddyfile", "--config", "Caddyfile"]


def address_of(client):
    """Where a session comes from, as the administrator sees it."""
    rows = json.loads(server.ctl("--json", "connected_users_info").out)
    return [row["ip"] for row in rows if row["jid"] == client.jid]


def message(to, text):
    return f"<message to='{to}' xmlns='jabber:client' type='chat'><body>{text}</body></message>"


def discovery(proxy):
    port = proxy.ports["https"]
    configure(f"https://localhost:{port}")
    server.reload()
    answer = ask(port, "GET", "/.well-known/host-meta.json", secure=True, Origin="null")
    links = {link["rel"].rpartition(":")[2]: link["href"] for link in json.loads(answer.body)["links"] if "href" in link}
    check(f"host-meta names the addresses of {proxy.name}", links == {
        "websocket": f"wss://localhost:{port}/xmpp-websocket", "xbosh": f"https://localhost:{port}/http-bind"}, answer)
    check("scripts may read it", answer.headers["access-control-allow-origin"] == "*", answer.headers)
    answer = ask(port, "OPTIONS", "/http-bind", secure=True, Origin="null", Access_Control_Request_Method="POST")
    check("and ask for BOSH", answer.status == 204 and answer.headers["access-control-allow-origin"] == "*", answer)
    answer = ask(port, "GET", "/", secure=True)
    check("the page at / is the server's", answer.status == 200 and answer.body == (PAGE / "index.html").read_bytes() and
          answer.headers["x-content-type-options"] == "nosniff" and "frame-ancestors" in answer.headers["content-security-policy"],
          answer)
    answer = ask(proxy.ports["http"], "GET", "/some/where?a=b")
    check("HTTP without TLS leads to HTTPS", answer.status in (301, 308) and
          re.fullmatch(r"https://localhost(:\d+)?/some/where\?a=b", answer.headers["location"]), answer)


def chat(proxy):
    port = proxy.ports["https"]
    alice = WebSocket(port, secure=True, source="127.0.0.2", handshake_with=LIES)
    check(f"WebSocket goes through {proxy.name}", alice.answer[0] == 101, alice.answer)
    alice.open()
    check("with PLAIN, as TLS ends there", "PLAIN" in alice.mechanisms() and
          not any("PLUS" in m for m in alice.mechanisms()), alice.features)
    alice.login("alice", "secret", "web")
    check("her address is hers, whatever she claims", address_of(alice) == ["127.0.0.2"], address_of(alice))
    bob = BoshClient(port, secure=True, source="127.0.0.3", headers=LIES)
    bob.open()
    bob.login("bob", "secret", "bosh")
    check("BOSH goes through it", address_of(bob) == ["127.0.0.3"], address_of(bob))
    for text in ("안녕 🔥", "x" * 90000):
        alice.send(message(bob.jid, text))
        check(f"{len(text)} characters go from WebSocket to BOSH", bob.wait("<body>").text("c:body") == text)
        bob.send(message(alice.jid, text))
        check("and back", alice.wait("<body>").text("c:body") == text)
    if not bob.pending:
        bob.flush(bob.session.post())
    check("a long poll waits", bob.pending[-1].waits(1))
    alice.send(message(bob.jid, "at last"))
    check("and is answered when there is something", bob.wait("<body>").text("c:body") == "at last")
    check("their streams end as they should", alice.ends() == "" and bob.ends() is None)


# What a script of the page does; both end with a text that says how it went.
SOCKET = """new Promise((done) => {
    const socket = new WebSocket(location.origin.replace("https:", "wss:") + "/xmpp-websocket", "xmpp");
    socket.onopen = () => socket.send("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>");
    socket.onmessage = (message) => message.data.includes("mechanisms") && done(socket.protocol + " features");
    socket.onclose = (event) => done("closed " + event.code);
})"""
BOSH = """fetch("/http-bind", {method: "POST", headers: {"Content-Type": "text/xml"}, body:
    "<body xmlns='http://jabber.org/protocol/httpbind' rid='5' to='localhost' ver='1.11' wait='60' hold='1'/>"})
    .then((answer) => answer.text()).then((text) => text.includes(" sid='") ? "session" : text, String)"""


def browsed(proxy, browser):
    """A browser speaks HTTP/2 where it can, for WebSocket, too."""
    page = browser.page(f"https://localhost:{proxy.ports['https']}/")
    spoken = page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
    check(f"a browser speaks HTTP/2 to {proxy.name}", spoken == "h2", spoken)
    said = page.evaluate(SOCKET)
    check("its WebSocket gets features", said == "xmpp features", said)
    said = page.evaluate(BOSH)
    check("it begins a BOSH session", said == "session", said)


def looked_at(proxy):
    done = server.ctl("check_web", f"connect=127.0.0.1:{proxy.ports['https']}", "ca=cert.pem", "wait=1")
    check(f"check_web finds nothing wrong with {proxy.name}", done.code == 0 and "a stream to localhost opens" in done.out and
          "a request may wait" in done.out and "the page has what it needs" in done.out, done)


def over_tcp(proxy):
    for name, source in (("c2s", "127.0.0.4"), ("c2s_tls", "127.0.0.5")):
        client = Client(proxy.ports[name], source=source, direct=tls.client_context() if name == "c2s_tls" else None)
        client.open()
        if name == "c2s":
            client.starttls()
            client.open()
        client.login("alice", "secret", name, mechanism="SCRAM-SHA-256-PLUS", binding="tls-exporter")
        check(f"{name} goes through {proxy.name}, with channel binding", client.jid == f"alice@localhost/{name}")
        check("from where the client is", address_of(client) == [source], address_of(client))
        client.ends()


def tls_ends():
    with Proxy("haproxy", ended=True) as proxy:
        client = Client(proxy.ports["c2s_tls"], source="127.0.0.6", direct=tls.client_context())
        client.open()
        check("direct TLS may end at haproxy: PLAIN is offered, no channel binding", "PLAIN" in client.mechanisms() and
              not any("PLUS" in m for m in client.mechanisms()), client.features)
        check("ALPN is answered", client.socket.selected_alpn_protocol() == "xmpp-client")
        client.login("alice", "secret", "ended", mechanism="PLAIN")
        check("and the address known", address_of(client) == ["127.0.0.6"], address_of(client))
        client.ends()


def without():
    """Who comes without a proxy is believed nothing."""
    client = WebSocket(server.ports["web"], source="127.0.0.7", handshake_with=LIES)
    client.open()
    client.login("alice", "secret", "direct")
    check("who is no proxy is not believed", address_of(client) == ["127.0.0.7"], address_of(client))
    client.ends()
    check("nor over BOSH", Session(server.ports["web"], source="127.0.0.7", headers=LIES).create().status == 200 and
          "203.0.113" not in server.log())
    with Client(server.ports["c2s"], source="127.0.0.7", proxied="203.0.113.66") as client:
        check("nor is his PROXY header", client.ended() is None and "203.0.113" not in server.log())


def everything():
    configure()
    lacks = missing()
    if lacks:
        skip("a browser", lacks)
    with server, (contextlib.nullcontext() if lacks else Browser()) as browser:
        server.register("alice", "bob")
        for name, tcp in (("nginx", True), ("haproxy", True), ("caddy", False)):
            if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin"):
                skip(name, "it is not installed")
                continue
            with Proxy(name, tcp) as proxy:
                discovery(proxy)
                chat(proxy)
                looked_at(proxy)
                if browser:
                    browsed(proxy, browser)
                if tcp:
                    over_tcp(proxy)
        if shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin"):
            tls_ends()
        without()
        server.stop()


run(everything)
