#!/usr/bin/env python3
"""bongsuctl check_web: through a proxy that is right, and through many that are wrong in one thing each.

The proxies are threads of this program in front of a real server. For each mistake the command must name it, say how to mend
it and end with 1; for the right one it must find nothing.
"""
import concurrent.futures
import json
import re
import socket
import ssl
import threading
import time
from pathlib import Path

from bongsu import Server, check, run, tls
from bongsu.checks import WAIT

server = Server(listen={"http": {"service": "http", "proxies": ["127.0.0.1"]}}, log={"level": "debug"},
                http={"public_url": "https://localhost"})
PAGE = "<!DOCTYPE html><html><head><script src='/app.js'></script></head></html>"
SAFE = ("Content-Security-Policy: default-src 'self'; frame-ancestors 'self'\r\nX-Content-Type-Options: nosniff\r\n"
        "Strict-Transport-Security: max-age=1000\r\n")


class Proxy:
    """Ends TLS and passes requests on, each on a connection of its own.

    request(head) gives the head to pass on, or bytes to answer at once; answer(path, head, took) the head to send back, after
    whatever it waits for. page: head and body of what is at /.
    """

    def __init__(self, request=None, answer=None, page=(SAFE, PAGE), name="localhost"):
        self.request, self.answer, self.page = request, answer, page
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{name}.pem", f"{name}.key")
        self.context.set_alpn_protocols(["http/1.1"])
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            with self.context.wrap_socket(client, server_side=True) as secure:
                self.exchange(secure)
        except OSError:
            pass  # the client went away, as it may

    @staticmethod
    def read_message(source):
        data = b""
        while b"\r\n\r\n" not in data:
            more = source.recv(65536)
            if not more:
                return "", b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        while len(body) < int(length[1] if length else 0):
            body += source.recv(65536)
        return head.decode("latin-1"), body

    def exchange(self, client):
        head, body = self.read_message(client)
        if not head:
            return
        path = head.split()[1]
        if path == "/" and self.page:
            extra, text = self.page
            client.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(text)}\r\n{extra}"
                           f"Connection: close\r\n\r\n{text}".encode())
            return
        if self.request:
            head = self.request(head)
        if isinstance(head, bytes):
            client.sendall(head)
            return
        with socket.create_connection(("127.0.0.1", server.ports["http"])) as onward:
            onward.sendall(f"{head}\r\nX-Forwarded-For: 127.0.0.9\r\nX-Forwarded-Proto: https\r\n\r\n".encode("latin-1") + body)
            begin = time.monotonic()
            head, body = self.read_message(onward)
            if self.answer:
                head = self.answer(path, head, time.monotonic() - begin)
            upgraded = head.startswith("HTTP/1.1 101")
            head = head if upgraded else f"{head}\r\nConnection: close"
            client.sendall(f"{head}\r\n\r\n".encode("latin-1") + body)
            if upgraded:
                self.tunnel(client, onward)

    @staticmethod
    def tunnel(client, onward):
        def copy(source, to):
            try:
                while data := source.recv(65536):
                    to.sendall(data)
                to.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        back = threading.Thread(target=copy, args=(onward, client), daemon=True)
        back.start()
        copy(client, onward)
        back.join(WAIT)


def without(names):
    """Drops the headers whose names begin so."""
    return lambda head: re.sub(rf"(?i)\r\n({names})[^\r\n]*", "", head)


def answers(pattern, data):
    """Requests whose head matches get that at once."""
    return lambda head: data if re.search(pattern, head) else head


def late(path, head, took):
    """As a proxy that keeps what comes slowly."""
    if path == "/http-bind" and took > 0.5:
        time.sleep(12)
    return head


def cuts(path, head, took):
    """As a proxy that waits for less than the server does."""
    return "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0" if path == "/http-bind" and took > 0.5 else head


def status(code, text="", kind="text/plain"):
    return f"HTTP/1.1 {code} X\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}".encode()


def rewritten(old, new):
    """host-meta with other addresses; both are of one length."""
    def request(head):
        if not head.startswith("GET /.well-known/host-meta"):
            return head
        with socket.create_connection(("127.0.0.1", server.ports["http"])) as onward:
            onward.sendall(f"{head}\r\n\r\n".encode())
            got, body = Proxy.read_message(onward)
        return f"{got}\r\nConnection: close\r\n\r\n".encode("latin-1") + body.replace(old, new)
    return request


# what is wrong, the check that must say so, what it says, and the proxy
WRONG = [
    ("Upgrade is dropped", "WebSocket", "answered with 426", {"request": without("upgrade|connection")}),
    ("the subprotocol is dropped on its way back", "WebSocket", "subprotocol is missing",
     {"answer": lambda path, head, took: without("sec-websocket-protocol")(head)}),
    ("the subprotocol is another", "WebSocket", "subprotocol is mqtt", {
        "answer": lambda path, head, took: head.replace("Sec-WebSocket-Protocol: xmpp", "Sec-WebSocket-Protocol: mqtt")}),
    ("somebody else answers the handshake", "WebSocket", "Sec-WebSocket-Accept",
     {"answer": lambda path, head, took: re.sub("(Sec-WebSocket-Accept: )....", r"\1abcd", head)}),
    ("WebSocket is not passed on", "WebSocket", "answered with 404", {"request": answers("xmpp-websocket", status(404))}),
    ("CORS is dropped", "host-meta", "Access-Control-Allow-Origin is missing",
     {"answer": lambda path, head, took: without("access-control-")(head)}),
    ("CORS is dropped for BOSH", "BOSH", "Access-Control-Allow-Origin is missing", {
        "answer": lambda path, head, took: without("access-control-allow-origin")(head) if path == "/http-bind" else head}),
    ("OPTIONS is refused", "BOSH preflight", "answered with 405", {"request": answers("^OPTIONS", status(405))}),
    ("the preflight allows too little", "BOSH preflight", "POST with a Content-Type",
     {"answer": lambda path, head, took: without("access-control-allow-headers")(head)}),
    ("BOSH is not passed on", "BOSH", "answered with 404", {"request": answers("^POST", status(404))}),
    ("a page is where BOSH should be", "BOSH", "no BOSH server", {"request": answers("^POST", status(200, PAGE, "text/html"))}),
    ("long polls are cut off", "BOSH waiting", "is cut off after", {"answer": cuts}),
    ("answers are kept back", "BOSH waiting", "came", {"answer": late}),
    ("host-meta is missing", "host-meta", "answered with 404", {"request": answers("host-meta ", status(404))}),
    ("host-meta.json is missing", "host-meta.json", "answered with 404", {"request": answers("host-meta.json", status(404))}),
    ("host-meta is a page", "host-meta", "something else", {"request": answers("host-meta", status(200, PAGE, "text/html"))}),
    ("host-meta names addresses without TLS", "WebSocket", "browsers refuse", {"request": rewritten(b"wss://localhost/x",
                                                                                                      b"ws://localhost/xx")}),
    ("host-meta.json names others", "host-meta.json", "other addresses",
     {"request": lambda head: rewritten(b"localhost/h", b"elsewhere/h")(head) if "json" in head else head}),
    ("the server is away", "page", "the proxy answers 502", {"request": answers("", status(502)), "page": None}),
    ("the certificate is for another name", "TLS", "name", {"name": "elsewhere"}),
    ("the certificate is nearly over", "TLS", "is over in", {"name": "old"}),
    ("the page has no policy", "security headers", "no Content-Security-Policy", {"page": ("", PAGE)}),
    ("types are guessed", "security headers", "may guess",
     {"page": (SAFE.replace("X-Content-Type-Options: nosniff\r\n", ""), PAGE)}),
    ("the page may be framed", "security headers", "within theirs", {"page": (SAFE.replace("frame-ancestors", "img-src"), PAGE)}),
    ("the page loads without TLS", "page", "browsers block", {"page": (SAFE, PAGE.replace("'/app", "'http://localhost/app"))}),
]


def ask_through(proxy, *more):
    return server.ctl("--json", "check_web", "localhost", f"connect=127.0.0.1:{proxy.port}", "ca=believed.pem", "wait=1", *more)


def right():
    done = ask_through(Proxy())
    rows = json.loads(done.out)
    found = [(row["check"], row["result"]) for row in rows]
    check("where all is right nothing is wrong", done.code == 0 and found == [
        ("TLS", "ok"), ("page", "ok"), ("security headers", "ok"), ("host-meta", "ok"), ("host-meta.json", "ok"),
        ("host-meta-2.json", "note"), ("WebSocket", "ok"), ("BOSH preflight", "ok"), ("BOSH", "ok"), ("BOSH waiting", "ok")], done)
    check("rows say what was found", all(row["host"] == "localhost" and row["text"] for row in rows), rows)
    done = server.ctl("check_web", f"connect=127.0.0.1:{Proxy(page=None).port}", "ca=believed.pem", "wait=1")
    check("for people it is lines", done.code == 0 and re.search(
        r"(?m)^ok    localhost: WebSocket: a stream to localhost opens$", done.out) and not re.search("WRONG", done.out), done)


def one_wrong(row):
    return ask_through(Proxy(**row[3]))


def wrong():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(one_wrong, sorted(WRONG, key=lambda row: row[0] != "answers are kept back")))
    for (what, of, says, _), done in zip(sorted(WRONG, key=lambda row: row[0] != "answers are kept back"), found):
        rows = json.loads(done.out) if done.out else []
        check(f"{what}: told, with what to do, and status 1", done.code == 1 and any(
            row["check"] == of and row["result"] == "WRONG" and says in row["text"] and row["mend"] for row in rows), done)


def others():
    """Without a network, without an address, over the command line."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        done = server.ctl("check_web", f"connect=127.0.0.1:{deaf.getsockname()[1]}")
    check("where nobody listens that is told", done.code == 1 and re.search(r"WRONG localhost: TLS: .*connect", done.out), done)
    done = server.ctl("check_web", f"connect=127.0.0.1:{Proxy().port}")
    check("a certificate that nobody believes is wrong", done.code == 1 and re.search(
        r"WRONG localhost: TLS: .*certificate[^\n]*\n +to mend it: ", done.out), done)
    done = ask_through(Proxy(), "url=https://elsewhere")
    check("the address may be given", done.code == 1 and "elsewhere" in json.loads(done.out)[0]["text"], done)
    done = server.ctl("check_web", "url=http://localhost")
    check("but not one without TLS", done.code == 1 and "https://" in done.err, done)
    done = server.ctl("check_web", "nowhere")
    check("a host that is not served is an error", done.code == 1 and "not_found" in done.err, done)
    server.configure(http={"origins": ["https://chat.example"], "public_url": "https://localhost"},
                     modules={"discovery": {"addresses": ["192.0.2.1"]}})
    server.reload()
    done = ask_through(Proxy())
    rows = {row["check"]: row["result"] for row in json.loads(done.out)}
    check("sites that may connect are asked for, and host-meta-2.json", done.code == 0 and rows["host-meta-2.json"] == "ok", done)
    server.configure(http={}, modules={})
    server.reload()
    done = server.ctl("check_web")
    check("without an address there is nothing to look at", done.code == 1 and "public_url" in done.err, done)
    server.stop()
    check("without a server there is none either", server.ctl("check_web").code == 3)


def certificates():
    for name in ("localhost", "elsewhere"):
        tls.certificate(name, cert=f"{name}.pem", key=f"{name}.key")
    tls.certificate("localhost", cert="old.pem", key="old.key", days=3)
    Path("believed.pem").write_text("".join(Path(f"{name}.pem").read_text(encoding="ascii") for name in (
        "localhost", "elsewhere", "old")), encoding="ascii")


def everything():
    certificates()
    with server:
        for part in (right, wrong, others):
            part()


run(everything)
