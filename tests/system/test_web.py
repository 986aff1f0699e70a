#!/usr/bin/env python3
"""Files for browsers: a folder at "/", as it was when the configuration was read.

A browser asks for files once, again, packed, in part of the way and not to the end. What is outside of the folder, hidden or
no file is not there. Large files reach slow readers whole, and take no memory for each of them. A reload changes all at once;
a folder that cannot be served changes nothing.
"""
import gzip
import hashlib
import json
import os
import subprocess
from pathlib import Path

from bongsu import Server, check, run
from bongsu.server import BONGSUD
from bongsu.web import Http

LISTEN = {"plain": {"service": "c2s", "starttls": "off"}, "http": {"service": "http"},
          "https": {"service": "http", "tls": "direct"}}
ROOT = Path("site").resolve()
BIG = os.urandom(1 << 20) * 8
SCRIPT = b"export const answer = 42;\n" * 100
GUARDS = {"x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer"}


def fill():
    (ROOT / "sub" / "deeper").mkdir(parents=True)
    for name, content in {"index.html": b"<title>one</title>", "script.js": SCRIPT, "big.bin": BIG, "style.css": b"a {}\n" * 50,
                          "icon.svg": b"<svg/>", "empty.txt": b"", "sub/index.html": b"below", "sub/deeper/a b.json": b"{}",
                          ".hidden": b"hidden", "sub/.hidden.html": b"hidden", "readme": b"?"}.items():
        (ROOT / name).write_bytes(content)
    (ROOT / "script.js.gz").write_bytes(gzip.compress(SCRIPT))
    (ROOT / "style.css.gz").write_bytes(gzip.compress(b"b {}\n" * 50))
    os.utime(ROOT / "style.css.gz", (1, 1))
    Path("outside").mkdir()
    Path("outside/secret.txt").write_text("secret", encoding="ascii")
    (ROOT / "link.txt").symlink_to(Path("outside/secret.txt").resolve())
    (ROOT / "linked").symlink_to(Path("outside").resolve())
    (ROOT / "up").symlink_to("..")
    os.mkfifo(ROOT / "fifo")


fill()
server = Server(listen=LISTEN, hosts=["localhost", {"name": "example.org", "modules": {"web": False}}],
                modules={"web": {"root": str(ROOT)}})


def get(path, method="GET", port="http", **headers):
    with Http(server.ports[port], secure=port == "https") as http:
        return http.ask(method, path, **headers)


def files():
    for path, kind, content in [("/", "text/html; charset=utf-8", b"<title>one</title>"),
                                ("/index.html", "text/html; charset=utf-8", b"<title>one</title>"),
                                ("/?a=b", "text/html; charset=utf-8", b"<title>one</title>"),
                                ("/script.js", "text/javascript; charset=utf-8", SCRIPT),
                                ("/style.css", "text/css; charset=utf-8", b"a {}\n" * 50),
                                ("/icon.svg", "image/svg+xml", b"<svg/>"), ("/empty.txt", "text/plain; charset=utf-8", b""),
                                ("/sub/", "text/html; charset=utf-8", b"below"),
                                ("/sub/deeper/a%20b.json", "application/json", b"{}"),
                                ("/readme", "application/octet-stream", b"?")]:
        answer = get(path)
        check(f"{path} is there", (answer.status, answer.headers["content-type"], answer.body) == (200, kind, content), answer)
    head = get("/script.js", "HEAD")
    check("HEAD tells the size alone", (head.status, head.headers["content-length"]) == (200, str(len(SCRIPT))), head)
    check("nothing is to be sent to a file", get("/script.js", "POST").status == 405)


def nothing_else():
    for path in ("/none", "/sub", "/sub/none/", "/.hidden", "/sub/.hidden.html", "/link.txt", "/linked/secret.txt", "/linked/",
                 "/up/outside/secret.txt", "/fifo", "//etc/passwd", "/%2Fetc/passwd", "/outside/secret.txt", "/" + "a" * 2000 + "/"):
        answer = get(path)
        check(f"{path[:40]} is not there", answer.status == 404 and b"secret" not in answer.body, answer)
    for path in ("/../outside/secret.txt", "/sub/%2e%2e/%2e%2e/outside/secret.txt", "/sub/..%2f..%2foutside/secret.txt",
                 "/./index.html", "/a%00b"):
        check(f"{path} is refused", get(path).status in (400, 404))
    check("a host where the module is off has nothing", get("/", Host="example.org").status == 404)


def guards():
    for what, answer in [("a file", get("/")), ("a known file", get("/", If_None_Match="*")), ("no file", get("/none")),
                         ("a wrong method", get("/", "POST")), ("/config.json", get("/config.json")),
                         ("OPTIONS", get("/", "OPTIONS")), ("what is no request", get("/%zz")),
                         ("discovery", get("/.well-known/host-meta.json"))]:
        found = {name: answer.headers.get(name) for name in GUARDS}
        policy = answer.headers.get("content-security-policy", "")
        check(f"{what} is guarded", found == GUARDS and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, answer)
    policy = get("/").headers["content-security-policy"]
    check("scripts come from the server alone", "script-src 'self';" in policy and "unsafe-eval" not in policy, policy)


def again():
    first = get("/script.js")
    tag = first.headers["etag"]
    check("a file is to be asked for again", first.headers["cache-control"] == "no-cache", first)
    for known in (tag, f"W/{tag}", f'"a", {tag}', "*"):
        answer = get("/script.js", If_None_Match=known)
        check(f"{known}: it did not change", (answer.status, answer.headers["etag"]) == (304, tag), answer)
    check("another tag: it did", get("/script.js", If_None_Match='"a"').body == SCRIPT)
    packed = get("/script.js", Accept_Encoding="br, gzip")
    check("packed, if the client can", packed.headers["content-encoding"] == "gzip" and gzip.decompress(packed.body) == SCRIPT, packed)
    check("as what it is", packed.headers["content-type"] == first.headers["content-type"], packed)
    check("caches keep both apart", packed.headers["vary"] == first.headers["vary"] == "Accept-Encoding" and
          packed.headers["etag"] != tag, packed)
    answer = get("/script.js", Accept_Encoding="gzip", If_None_Match=packed.headers["etag"])
    check("packed, it did not change either", answer.status == 304, answer)
    check("but what is known is the other one", get("/script.js", Accept_Encoding="gzip", If_None_Match=tag).status == 200)
    check("not for a client that refuses", get("/script.js", Accept_Encoding="gzip;q=0").body == SCRIPT)
    check("nor if it is older", get("/style.css", Accept_Encoding="gzip").body == b"a {}\n" * 50)


def large():
    digest = hashlib.sha256(BIG).digest()
    for port in ("http", "https"):
        check(f"{port}: a large file comes whole", hashlib.sha256(get("/big.bin", port=port).body).digest() == digest)
        with Http(server.ports[port], secure=port == "https") as http:
            http.send(http.request("GET", "/big.bin") + http.request("GET", "/icon.svg") + http.request("GET", "/big.bin"))
            check(f"{port}: requests behind it are answered in order",
                  [hashlib.sha256(http.answer().body).digest() == digest, http.answer().body == b"<svg/>",
                   hashlib.sha256(http.answer().body).digest() == digest] == [True] * 3)
    before = server.memory()
    readers = [Http(server.ports["http"]) for _ in range(50)]
    for reader in readers:
        reader.send(reader.request("GET", "/big.bin"))
        reader.read()
    grown = server.memory() - before
    check("50 readers that stop take no copies of it", grown < 50 * 1024, f"{grown} KB")
    for reader in readers[:25]:
        reader.close()
    check("one of them goes on to the end", hashlib.sha256(readers[25].answer().body).digest() == digest)
    with Http(server.ports["http"]) as http:
        http.send(http.request("GET", "/big.bin", Connection="close"))
        answer = http.answer()
        check("the last answer comes whole, then the end", hashlib.sha256(answer.body).digest() == digest and http.ended())


def reload():
    with Http(server.ports["http"]) as http:
        http.send(http.request("GET", "/big.bin"))
        status, _ = http.head()
        (ROOT / "index.html").write_bytes(b"<title>two</title>")
        (ROOT / "big.bin").write_bytes(b"small now")
        check("a change does not show", status == 200 and get("/").body == b"<title>one</title>")
        done = server.reload()
        check("a reload takes it", done.code == 0 and get("/").body == b"<title>two</title>", done)
        check("all of it", get("/big.bin").body == b"small now")
        check("who was reading reads on what was", http.take(len(BIG)) == BIG)
    for what, spoil, message in [
            ("no folder", lambda: server.configure(modules={"web": {"root": "none"}}), "none"),
            ("no root", lambda: server.configure(modules={"web": {}}), "root"),
            ("a file", lambda: server.configure(modules={"web": {"root": str(ROOT / "readme")}}), "readme"),
            ("too deep a folder", deepen, "folders")]:
        spoil()
        done = server.reload()
        check(f"{what} is refused", done.code != 0 and message in done.out + done.err, done)
        check("and what was stays", get("/").body == b"<title>two</title>")
        done = subprocess.run([BONGSUD, "--config", server.path, "--check"], check=False, capture_output=True, text=True)
        check("before a start, too", done.returncode != 0 and message in done.stdout + done.stderr, done)
    server.configure(modules={"web": {"root": str(ROOT), "registration": True, "policy": "default-src 'self'"}},
                     http={"websocket": "-", "bosh": "/bosh"})
    subprocess.run(["rm", "-r", ROOT / "d"], check=True)
    check("what is right again is taken", server.reload().code == 0)
    check("with its own policy", get("/").headers["content-security-policy"] == "default-src 'self'")


def deepen():
    server.configure(modules={"web": {"root": str(ROOT)}})
    (ROOT / "/".join("d" * 20)).mkdir(parents=True)


def config():
    answer = get("/config.json")
    check("the page is told of its host", answer.headers["cache-control"] == "no-store" and json.loads(answer.body) == {
        "domain": "localhost", "websocket": "/xmpp-websocket", "bosh": "/http-bind", "rooms": "conference.localhost",
        "registration": False}, answer)


def config_changed():
    check("and of what changed", json.loads(get("/config.json").body) == {
        "domain": "localhost", "websocket": None, "bosh": "/bosh", "rooms": "conference.localhost", "registration": True})


def end():
    with Http(server.ports["http"]) as http:
        (ROOT / "big.bin").write_bytes(BIG)
        server.reload()
        http.send(http.request("GET", "/big.bin"))
        http.read()
        server.stop()


with server:
    run(files, nothing_else, guards, again, large, config, reload, config_changed, end)
