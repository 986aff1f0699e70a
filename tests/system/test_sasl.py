#!/usr/bin/env python3
"""SASL (RFC 6120 6, RFC 4616, RFC 5802, RFC 7677, XEP-0440): every mechanism with every channel binding, and every way to
get one wrong. What is offered, what a failure is called, who may act as whom, and how names and passwords are prepared.
"""
import base64
import itertools
import ssl
from concurrent.futures import ThreadPoolExecutor

from bongsu import Scram, Server, certificate, check, client_context, run
from bongsu.client import SASL
from bongsu.tls import binding

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
PLUS = [f"SCRAM-SHA-{n}-PLUS" for n in (512, 256, 1)]
SCRAM = [f"SCRAM-SHA-{n}" for n in (512, 256, 1)]
BINDINGS = ["tls-exporter", "tls-server-end-point"]

certificate("localhost", cert="ed.pem", key="ed.key", kind="ed25519")
certificate("localhost", cert="rsa.pem", key="rsa.key", kind="rsa", digest="sha384")
server = Server(hosts=["localhost", {"name": "ed.test", "tls": {"certificate": "ed.pem", "key": "ed.key"}},
                       {"name": "rsa.test", "tls": {"certificate": "rsa.pem", "key": "rsa.key"}}],
                c2s={"auth_attempts": 100})
numbers = itertools.count(1)


def source():
    """An address that has not failed yet: failures make each next one slower."""
    n = next(numbers)
    return f"127.0.{n // 250}.{n % 250 + 2}"


def plain():
    return server.client(source=source())


def secure(version=V13, host="localhost"):
    client = server.connect("tls", host, direct=client_context(oldest=version, newest=version), source=source())
    client.open()
    return client


def at_once(test, rows):
    """test(user, *row) of all rows at the same time, as each failure takes half a second; each has a user of its own."""
    users = [f"user{next(numbers)}" for _ in rows]
    server.register(*users)
    with ThreadPoolExecutor(16) as pool:
        for what, expected, got in pool.map(lambda user, row: test(user, *row), users, rows):
            check(f"{what}: {expected}", got == expected, got)


def bindings(client):
    return [e.get("type") for e in client.features.all("{urn:xmpp:sasl-cb:0}sasl-channel-binding/*")]


def last(client):
    """The end of an exchange: success, or the condition of the failure."""
    answer = client.wait(lambda e: e.ns == SASL)
    return answer.condition if answer.name == "failure" else answer.name


def start():
    server.start()
    server.register("alice", "bob")
    server.register("alice", host="ed.test")
    server.register("alice", host="rsa.test")


def offers():
    check("without TLS: SCRAM alone, the best first", plain().mechanisms() == SCRAM)
    check("without TLS: no channel binding", bindings(plain()) == [])
    for version in (V12, V13):
        client = secure(version)
        check(f"{version.name}: -PLUS first, PLAIN last", client.mechanisms() == PLUS + SCRAM + ["PLAIN"], client.features)
        check(f"{version.name}: bindings that go with -PLUS", bindings(client) == BINDINGS, client.features)
    client = secure(host="ed.test")
    check("no tls-server-end-point with an Ed25519 certificate", bindings(client) == ["tls-exporter"], client.features)


def every_one():
    for version in (V12, V13):
        for mechanism in PLUS + SCRAM + ["PLAIN"]:
            for kind in BINDINGS if mechanism in PLUS else [None]:
                client = secure(version)
                answer = client.authenticate("alice", "secret", mechanism, kind)
                check(f"{version.name} {mechanism} {kind or ''}", answer.name == "success", answer)
                client.close()
    for mechanism in SCRAM:
        client = plain()
        check(f"without TLS {mechanism}", client.authenticate("alice", "secret", mechanism).name == "success")
    for host, kind, digest in (("ed.test", "tls-exporter", None), ("rsa.test", "tls-server-end-point", "sha384")):
        client = secure(host=host)
        check(f"{kind} with the certificate of {host}",
              client.authenticate("alice", "secret", PLUS[1], kind, digest).name == "success")
    client = secure(V13)
    scram = Scram(PLUS[1], "alice", "secret", "p=tls-unique,,", binding(client.socket, "tls-unique"))
    check("tls-unique, which was not offered, is taken (docs/decisions)", exchange(client, scram, PLUS[1]) == "success")


def exchange(client, scram, mechanism, change=lambda final: final):
    """A SCRAM exchange whose last message is changed; how it ends."""
    client.auth(mechanism, scram.first())
    answer = client.wait(lambda e: e.ns == SASL)
    if answer.name != "challenge":
        return answer.condition
    client.respond(change(scram.final(base64.b64decode(answer.xml.text).decode())))
    return last(client)


def field(name, value):
    """Changes one field of a message: value(old) is the new one."""
    return lambda final: ",".join(f"{name}={value(f[2:])}" if f.startswith(f"{name}=") else f for f in final.split(","))


def flipped(text):
    data = bytearray(base64.b64decode(text))
    data[0] ^= 1
    return base64.b64encode(data).decode()


def wrong_password(user, mechanism, name, password):
    client = secure()
    if mechanism in PLUS:
        scram = Scram(mechanism, name or user, password, "p=tls-exporter,,", binding(client.socket, "tls-exporter"))
        got = exchange(client, scram, mechanism)
    else:
        got = client.authenticate(name or user, password, mechanism).condition
    return f"{mechanism} as {name or 'the user'} with {password!r}", "not-authorized", got


def wrong_proof(user, what, change, condition):
    return what, condition, exchange(plain(), Scram("SCRAM-SHA-256", user, "secret"), "SCRAM-SHA-256", change)


def wrong_proofs():
    at_once(wrong_password, [(m, None, p) for m in PLUS + SCRAM + ["PLAIN"] for p in ("Secret", "secret ", "x")] +
            [(m, f"nobody{m}", "secret") for m in PLUS + SCRAM + ["PLAIN"]])
    at_once(wrong_proof, [
        ("a proof with one bit changed", field("p", flipped), "not-authorized"),
        ("a proof that is too short", field("p", lambda p: "eA=="), "not-authorized"),
        ("a proof that is not base64", field("p", lambda p: p[:-2] + "$="), "malformed-request"),
        ("an empty proof", field("p", lambda p: ""), "not-authorized"),
        ("no proof", lambda final: final.rpartition(",")[0], "malformed-request"),
        ("another nonce", field("r", lambda r: r + "x"), "not-authorized"),
        ("the client's nonce alone", field("r", lambda r: r[:24]), "not-authorized"),
        ("no nonce", lambda final: ",".join(f for f in final.split(",") if f[0] != "r"), "malformed-request"),
        ("another gs2 header", field("c", lambda c: "eSws"), "not-authorized"),
        ("channel data without a binding", field("c", lambda c: "biwsYWJj"), "not-authorized"),
        ("a header that is not base64", field("c", lambda c: "b.ws"), "not-authorized"),
        ("an empty message", lambda final: "", "malformed-request"),
        ("fields in another order", lambda final: ",".join(reversed(final.split(","))), "malformed-request")])
    client = secure()
    scram = Scram("SCRAM-SHA-256", "alice", "secret")
    client.auth("SCRAM-SHA-256", scram.first())
    challenge = base64.b64decode(client.wait("challenge").xml.text).decode()
    message = scram.final(challenge)
    client.close()
    client = secure()
    client.auth("SCRAM-SHA-256", scram.first())
    client.wait("challenge")
    client.respond(message)
    check("the proof of another exchange is worth nothing", last(client) == "not-authorized", client.got)


def wrong_binding(user, what, gs2, data, condition):
    client = secure()
    if callable(data):
        data = data(*(binding(client.socket, kind) for kind in BINDINGS))
    return what, condition, exchange(client, Scram(PLUS[1], user, "secret", gs2, data), PLUS[1])


def wrong_flag(user, what, gs2, condition):
    client = secure()
    data = binding(client.socket, "tls-exporter") if gs2.startswith("p") else b""
    return what, condition, exchange(client, Scram("SCRAM-SHA-256", user, "secret", gs2, data), "SCRAM-SHA-256")


def channel_binding():
    at_once(wrong_binding, [
        ("another channel's exporter", "p=tls-exporter,,", binding(secure().socket, "tls-exporter"), "not-authorized"),
        ("another certificate", "p=tls-server-end-point,,", bytes(32), "not-authorized"),
        ("data of the other type", "p=tls-exporter,,", lambda exporter, point: point, "not-authorized"),
        ("the other way round", "p=tls-server-end-point,,", lambda exporter, point: exporter, "not-authorized"),
        ("a part of the data", "p=tls-exporter,,", lambda exporter, point: exporter[:31], "not-authorized"),
        ("more than the data", "p=tls-exporter,,", lambda exporter, point: exporter + b"x", "not-authorized"),
        ("no data", "p=tls-exporter,,", b"", "not-authorized"),
        ("an unknown type", "p=tls-what,,", lambda exporter, point: exporter, "not-authorized"),
        ("no type", "p=,,", lambda exporter, point: exporter, "malformed-request"),
        ("-PLUS without a binding", "n,,", b"", "malformed-request"),
        ("-PLUS with the flag y", "y,,", b"", "malformed-request")])
    at_once(wrong_flag, [
        ("the flag y where -PLUS was offered (somebody took it away)", "y,,", "not-authorized"),
        ("a binding without -PLUS", "p=tls-exporter,,", "malformed-request"),
        ("an unknown flag", "x,,", "malformed-request"),
        ("no flag", ",,", "malformed-request")])
    answer = exchange(plain(), Scram("SCRAM-SHA-1", "alice", "secret", "y,,"), "SCRAM-SHA-1")
    check("the flag y where -PLUS was not offered: fine", answer == "success", answer)
    server.configure(c2s={"mechanisms": ["SCRAM-SHA-256", "PLAIN"], "auth_attempts": 100})
    server.reload()
    client = secure()
    check("mechanisms can be chosen", client.mechanisms() == ["SCRAM-SHA-256", "PLAIN"], client.features)
    client.auth("SCRAM-SHA-1", Scram("SCRAM-SHA-1", "alice", "secret").first())
    check("others are not accepted", last(client) == "invalid-mechanism", client.got)
    answer = exchange(client, Scram("SCRAM-SHA-256", "alice", "secret", "y,,"), "SCRAM-SHA-256")
    check("the flag y where -PLUS was switched off: fine", answer == "success", answer)
    server.configure(c2s={"auth_attempts": 100})
    server.reload()


FIRST = [
    ("nothing", "", "malformed-request"),
    ("a header alone", "n,,", "malformed-request"),
    ("no nonce", "n,,n=alice", "malformed-request"),
    ("an empty nonce", "n,,n=alice,r=", "malformed-request"),
    ("a nonce with a space", "n,,n=alice,r=a b", "malformed-request"),
    ("no name", "n,,n=,r=abc", "malformed-request"),
    ("the fields in another order", "n,,r=abc,n=alice", "malformed-request"),
    ("an extension that must be understood", "n,,m=x,n=alice,r=abc", "malformed-request"),
    ("a name with =", "n,,n=al=ice,r=abc", "malformed-request"),
    ("bytes that are not UTF-8", b"n,,n=al\xff,r=abc", "malformed-request"),
    ("a NUL", "n,,n=al\0ice,r=abc", "malformed-request"),
    ("a name that no account can have", "n,,n=al ice,r=abc", "not-authorized"),
    ("a very long name", f"n,,n={'a' * 1100},r=abc", "not-authorized"),
    ("a very long nonce", f"n,,n=alice,r={'a' * 1000}", "malformed-request"),
    ("who one is not", "n,a=bob@localhost,n=alice,r=abc", "invalid-authzid"),
    ("an authzid that is no address", "n,a=@,n=alice,r=abc", "invalid-authzid"),
    ("an empty authzid", "n,a=,n=alice,r=abc", "malformed-request"),
    ("a full address", "n,a=alice@localhost/r,n=alice,r=abc", "invalid-authzid"),
    ("an extension that need not be understood", "n,,n=alice,r=abc,x=yz", "challenge"),
    ("an escaped name", "n,,n=al=2Cice=3D,r=abc", "challenge"),
]
PLAIN = [
    ("nothing", "", "malformed-request"),
    ("a name alone", "alice", "malformed-request"),
    ("no password", "\0alice", "malformed-request"),
    ("an empty password", "\0alice\0", "malformed-request"),
    ("no name", "\0\0secret", "malformed-request"),
    ("too many parts", "\0alice\0secret\0x", "malformed-request"),
    ("not UTF-8", b"\0alice\0\xff\xfe", "not-authorized"),
    ("the domain as part of the name", "\0alice@localhost\0secret", "not-authorized"),
    ("who one is not", "bob@localhost\0alice\0secret", "invalid-authzid"),
    ("somebody elsewhere", "alice@elsewhere.test\0alice\0secret", "invalid-authzid"),
    ("a name alone as authzid", "alice\0alice\0secret", "invalid-authzid"),
    ("a full address as authzid", "alice@localhost/r\0alice\0secret", "invalid-authzid"),
    ("the own address as authzid", "alice@localhost\0alice\0secret", "success"),
    ("the own address in capitals", "ALICE@LOCALHOST\0alice\0secret", "success"),
]
TEXTS = [  # of <auth/>, and how it ends
    ("not base64", "####", "incorrect-encoding"),
    ("base64 with a rest", "AGFsaWNlAHNlY3JldA=", "incorrect-encoding"),
    ("padding in the middle", "AGFs=WNlAHNlY3JldA==", "incorrect-encoding"),
    ("the alphabet of URLs", "AGFsaWNlA-_lY3JldA==", "incorrect-encoding"),
    ("a line end within", "AGFsaWNl\nAHNlY3JldA==", "incorrect-encoding"),
    ("bits that are not used set", "AGFsaWNlAHNlY3JldB==", "incorrect-encoding"),
    ("= and more", "==", "incorrect-encoding"),
    ("= alone, which is nothing", "=", "malformed-request"),
]


def syntax():
    for what, message, condition in FIRST:
        client = plain()
        client.auth("SCRAM-SHA-256", message)
        answer = last(client)
        check(f"SCRAM, {what}: {condition}", answer == condition, client.got)
    for what, message, condition in PLAIN:
        client = secure()
        client.auth("PLAIN", message)
        check(f"PLAIN, {what}: {condition}", last(client) == condition, client.got)
    client = secure()
    for what, text, condition in TEXTS:
        client.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{text}</auth>")
        check(f"{what}: {condition}", last(client) == condition, client.got)
    for mechanism in ("", "plain", "SCRAM-SHA-384", "EXTERNAL", "ANONYMOUS", "DIGEST-MD5", "PLAIN "):
        client.auth(mechanism, "x")
        check(f"mechanism {mechanism!r}: invalid-mechanism", last(client) == "invalid-mechanism", client.got)
    client.send(f"<auth xmlns='{SASL}'>AA==</auth>")
    check("no mechanism: invalid-mechanism", last(client) == "invalid-mechanism", client.got)
    client = plain()
    client.auth("PLAIN", "\0alice\0secret")
    check("PLAIN without TLS: invalid-mechanism", last(client) == "invalid-mechanism", client.got)
    client.auth(PLUS[1], "p=tls-exporter,,n=alice,r=abc")
    check("-PLUS without TLS: invalid-mechanism", last(client) == "invalid-mechanism", client.got)


def order():
    client = secure()
    client.auth("PLAIN")
    check("without a first message: an empty challenge", not client.wait("challenge").xml.text, client.got)
    client.respond("\0alice\0secret")
    check("which is answered by it", last(client) == "success", client.got)
    client = secure()
    client.auth("SCRAM-SHA-256")
    client.wait("challenge")
    scram = Scram("SCRAM-SHA-256", "alice", "secret")
    client.respond(scram.first())
    client.respond(scram.final(base64.b64decode(client.wait("challenge").xml.text).decode()))
    check("also with SCRAM", last(client) == "success", client.got)
    client = secure()
    for first in (None, "n,,n=alice,r=abc"):
        client.auth("SCRAM-SHA-256", first)
        client.wait("challenge")
        client.send(f"<abort xmlns='{SASL}'/>")
        check(f"abort after {first}: aborted", last(client) == "aborted", client.got)
    check("and then anything", client.authenticate("alice", "secret").name == "success")
    for what, text in (("a stanza", "<presence/>"), ("another start", f"<auth xmlns='{SASL}' mechanism='PLAIN'/>"),
                       ("STARTTLS", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")):
        client = plain()
        client.auth("SCRAM-SHA-256", "n,,n=alice,r=abc")
        client.wait("challenge")
        client.send(text)
        check(f"{what} within an exchange: not-authorized", client.ended() == "not-authorized", client.got)
    client = plain()
    scram = Scram("SCRAM-SHA-1", "alice", "secret")
    client.auth("SCRAM-SHA-1", scram.first())
    final = scram.final(base64.b64decode(client.wait("challenge").xml.text).decode())
    client.send(f"<response xmlns='{SASL}'>{base64.b64encode(final.encode()).decode()}</response>" + client.header())
    while b"</stream:features>" not in client.got.partition(b"<success")[2]:
        client.got += client.socket.recv(65536)
    check("the new header may come behind the last message", b"urn:ietf:params:xml:ns:xmpp-bind" in client.got, client.got)
    client = server.connect()
    client.open(**{"from": "bob@localhost"})
    check("who the header says one is must be true", client.authenticate("alice", "secret").condition == "invalid-authzid")
    check("then it is fine", client.authenticate("bob", "secret").name == "success")
    check("and stays true", client.open(**{"from": "alice@localhost"}).condition == "invalid-from", client.got)
    client = plain()
    client.authenticate("alice", "secret")
    check("the host stays the same", client.open(to="rsa.test").condition == "host-unknown", client.got)


def preparation():
    """SASLprep of passwords, nodeprep of names: enrolled in one spelling, used in another."""
    for n, (made, used) in enumerate([("I\u00adX", "IX"), ("\u2168", "IX"), ("a\u00a0b", "a b"), ("\u00aa", "a"),
                                      ("\u1100\u1161", "\uac00"), ("p\u0308", "p\u0308"), ("\uff21", "A"),
                                      ("p,=\u20ac", "p,=\u20ac")]):
        user = f"prep{n}"
        server.register(user, password=made)
        for mechanism in ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-512"):
            answer = secure().authenticate(user, used, mechanism)
            check(f"{made!r} is the password {used!r} with {mechanism}", answer.name == "success", answer)
        check(f"{made!r} also as it was set", secure().authenticate(user, made, "PLAIN").name == "success")
    for password in ("\u0627\u0031", "a\u0007", "\u0221x", "a\u2028b"):
        client = secure()
        client.auth("PLAIN", f"\0alice\0{password}")
        check(f"{password!r} cannot be one", last(client) == "not-authorized", client.got)
    server.register("stra\u00dfe", password="s")
    for name in ("stra\u00dfe", "STRASSE", "Strasse", "\uff33trasse"):
        for mechanism in ("PLAIN", "SCRAM-SHA-256"):
            client = secure()
            check(f"{name} logs in with {mechanism}", client.authenticate(name, "s", mechanism).name == "success")
    client.open()
    client.bind("r")
    check("and is one", client.jid == "strasse@localhost/r", client.jid)


def disabled():
    server.ctl("ban_account", "bob", "localhost", "test")
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        right, wrong = (secure().authenticate("bob", password, mechanism) for password in ("secret", "wrong"))
        check(f"a banned account is told so by {mechanism}", right.condition == "account-disabled", right)
        check("but only who knows the password", wrong.condition == "not-authorized", wrong)
    server.ctl("unban_account", "bob", "localhost")
    check("until it is not", secure().authenticate("bob", "secret").name == "success")


run(start, offers, every_one, wrong_proofs, channel_binding, syntax, order, preparation, disabled, server.stop)
