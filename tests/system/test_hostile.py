#!/usr/bin/env python3
"""Clients that mean no good: broken XML at each stage, forbidden constructs, floods, sizes, silence, half a handshake.

Each gets the stream error that the specification names, or is cut off; afterwards the server still answers, and its
memory has not grown beyond a bound.
"""
import os
import random
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

BONGSUD = os.environ["BONGSUD"]
BONGSUCTL = os.environ["BONGSUCTL"]
STORE = os.environ.get("BONGSU_STORE", "{driver: sqlite}")
WAIT = 30
counts = {"ok": 0, "FAIL": 0}
HEAD = ("<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>")


def check(what, holds, detail=""):
    kind = "ok" if holds else "FAIL"
    counts[kind] += 1
    print(f"{kind:4} {what}" + ("" if holds else f": {detail}"), flush=True)


def ctl(*arguments):
    done = subprocess.run([BONGSUCTL, "--config", "hostile.yml", *arguments], capture_output=True, text=True,
                          timeout=WAIT, check=False)
    return done.returncode, done.stdout


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=WAIT)
    s.settimeout(WAIT)
    return s


def read_all(s):
    """All that comes until the server closes."""
    out = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                break
            out += part
    except ConnectionError:
        pass
    return out.decode("utf-8", "replace")


def says(port, what, condition, *pieces):
    """The pieces, sent one by one, end the stream with that condition."""
    s = connect(port)
    try:
        for piece in pieces:
            s.sendall(piece if isinstance(piece, bytes) else piece.encode())
    except ConnectionError:
        pass
    got = read_all(s)
    s.close()
    check(f"{what}: {condition}", f"<{condition} " in got and got.endswith("</stream:stream>"), got[-300:])


def errors(port):
    says(port, "garbage", "not-well-formed", "hello, world\n<<<")
    says(port, "a broken header", "not-well-formed", "<stream:stream to='localhost' to='b'>")
    says(port, "a header without host", "improper-addressing", HEAD.replace("to='localhost' ", ""))
    says(port, "an unknown host", "host-unknown", HEAD.replace("localhost", "elsewhere.example"))
    says(port, "no version", "unsupported-version", HEAD.replace("version='1.0' xmlns", "xmlns"))
    says(port, "a foreign stream namespace", "invalid-namespace", HEAD.replace("etherx.jabber.org", "example.org"))
    says(port, "a foreign content namespace", "invalid-namespace", HEAD.replace("jabber:client", "jabber:else"))
    says(port, "another encoding", "unsupported-encoding", HEAD.replace("'1.0'?", "'1.0' encoding='latin1'?"))
    says(port, "a DTD", "restricted-xml", HEAD, "<!DOCTYPE x [<!ENTITY a 'b'>]>")
    says(port, "a comment", "restricted-xml", HEAD, "<!-- hello -->")
    says(port, "a processing instruction", "restricted-xml", HEAD, "<?php echo ?>")
    says(port, "an entity", "restricted-xml", HEAD, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>&a;</auth>")
    says(port, "an undeclared prefix", "bad-namespace-prefix", HEAD, "<a:b/>")
    says(port, "text between elements", "bad-format", HEAD, "hello<a/>")
    says(port, "mismatched tags", "not-well-formed", HEAD, "<a><b></a></b>")
    says(port, "bytes that are not UTF-8", "not-well-formed", HEAD, b"<a>\xff\xfe</a>")
    says(port, "a stanza before authentication", "not-authorized", HEAD, "<message to='a@localhost'/>")
    says(port, "an unknown element", "unsupported-stanza-type", HEAD, "<foo xmlns='urn:bar'/>")
    says(port, "too much before authentication", "policy-violation", HEAD, "<a>" + "x" * 20000 + "</a>")
    says(port, "too much in pieces", "policy-violation", HEAD, "<a>", *["x" * 1000] * 20)
    says(port, "too many levels", "policy-violation", HEAD, "<a>" * 200)
    says(port, "too many attributes", "policy-violation", HEAD, "<a " + " ".join(f"a{i}='1'" for i in range(200)) + "/>")


def time_out(port):
    begin = time.monotonic()
    s = connect(port)
    s.sendall(HEAD.encode())
    got = read_all(s)
    check("whoever does not log in is sent away", "<connection-timeout " in got and time.monotonic() - begin > 1, got[-200:])
    s = connect(port)
    try:
        for c in HEAD * 3:  # a byte now and then keeps nobody alive
            s.sendall(c.encode())
            time.sleep(0.02)
    except OSError:
        pass
    check("a slow sender is sent away", "</stream:stream>" in read_all(s))
    s.close()


def attempts(port):
    s = connect(port)
    s.sendall(HEAD.encode())
    for _ in range(3):
        s.sendall(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>####</auth>")
    got = read_all(s)
    check("three attempts are enough", got.count("<incorrect-encoding/>") == 3 and "<policy-violation " in got, got[-300:])


def noise(plain, tls, chance):
    for i in range(200):
        s = connect(plain if i % 2 else tls)
        try:
            s.sendall(chance.randbytes(chance.randrange(1, 3000)))
            if i % 3:
                s.shutdown(socket.SHUT_WR)
                read_all(s)
        except OSError:
            pass
        s.close()
    valid = (HEAD + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1hLHI9YWJj</auth>").encode()
    for i in range(200):
        broken = bytearray(valid)
        for _ in range(chance.randrange(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        s = connect(plain)
        try:
            s.sendall(broken)
            s.shutdown(socket.SHUT_WR)
            read_all(s)
        except OSError:
            pass
        s.close()


def memory(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii")).group(1))


def serve():
    Path("hostile.yml").write_text(f"""hosts: [localhost]
data_dir: data
store: {STORE}
tls: {{certificate: cert.pem, key: key.pem}}
c2s: {{auth_timeout: 3s}}
listen:
  - {{service: c2s, address: 127.0.0.1, port: 0, starttls: off}}
  - {{service: c2s, address: 127.0.0.1, port: 0, tls: direct}}
""", encoding="utf-8")
    Path("data").mkdir(exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    with open("hostile.log", "wb") as log:
        server = subprocess.Popen([BONGSUD, "--config", "hostile.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    end = time.monotonic() + WAIT
    while time.monotonic() < end and server.poll() is None:
        ports = re.findall(r"c2s 127\.0\.0\.1 port (\d+)", Path("hostile.log").read_text(encoding="utf-8", errors="replace"))
        if len(ports) == 2:
            return server, int(ports[0]), int(ports[1])
        time.sleep(0.02)
    return server, 0, 0


def main():
    seed = int(os.environ.get("HOSTILE_SEED", str(random.randrange(1 << 32))))
    print(f"seed {seed}")
    server, plain, tls = serve()
    check("the server starts", plain)
    if not plain:
        return
    errors(plain)
    attempts(plain)
    time_out(plain)
    noise(plain, tls, random.Random(seed))
    before = memory(server.pid)
    noise(plain, tls, random.Random(seed + 1))
    after = memory(server.pid)
    check("memory does not grow with noise", after - before < 20_000, f"{before} KB, then {after} KB")
    check("the server still answers", ctl("status")[0] == 0)
    server.terminate()
    check("the server stops", server.wait(WAIT) == 0)


try:
    main()
finally:
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, 0 skipped")
sys.exit(counts["FAIL"] > 0)
