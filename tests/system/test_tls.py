#!/usr/bin/env python3
"""TLS of client streams (RFC 6120 5, RFC 7590, XEP-0368): STARTTLS required, optional and off, direct TLS with ALPN, a
certificate for each host by SNI, versions, and certificates that are read again while clients stay connected.
"""
import shutil
import socket
import ssl
import warnings
from pathlib import Path

from bongsu import WAIT, Client, Server, certificate, check, client_context, refused, run

warnings.simplefilter("ignore", DeprecationWarning)  # of old versions, which are what is tried here
V10, V11, V12, V13 = (ssl.TLSVersion[f"TLSv1{n}"] for n in ("", "_1", "_2", "_3"))
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
HOSTS = {"localhost": "cert.pem", "example.org": "org.pem", "example.net": "net.pem"}

for name in HOSTS:
    certificate(name, cert=f"{name}.pem", key=f"{name}.key", kind="rsa" if name == "example.org" else "p256")
    Path(HOSTS[name]).write_text(Path(f"{name}.pem").read_text() + Path(f"{name}.key").read_text())
server = Server(hosts=["localhost", {"name": "example.org", "tls": {"certificate": "org.pem"}},
                       {"name": "example.net", "tls": {"certificate": "net.pem"}}], c2s={"auth_timeout": "5s"},
                listen={"required": {"service": "c2s"}, "optional": {"service": "c2s", "starttls": "optional"},
                        "off": {"service": "c2s", "starttls": "off"}, "tls": {"service": "c2s", "tls": "direct"}})


def der(path):
    return ssl.PEM_cert_to_DER_cert(Path(path).read_text().partition("-----BEGIN PRIVATE")[0])


def names(features):
    return [child.tag.partition("}")[2] for child in features.xml]


def start():
    server.start()
    server.register("alice")


def offers():
    required, optional, off = (server.client(port) for port in ("required", "optional", "off"))
    check("required: nothing but STARTTLS is offered", names(required.features) == ["starttls"], required.features)
    check("required: it says so", required.features.find("tls:starttls/tls:required") is not None, required.features)
    check("optional: it is offered", names(optional.features)[:2] == ["starttls", "mechanisms"], optional.features)
    check("optional: it does not say required", len(optional.features.find("tls:starttls")) == 0, optional.features)
    check("optional: no PLAIN without it", {m[:5] for m in optional.mechanisms()} == {"SCRAM"}, optional.features)
    check("off: it is not offered", "starttls" not in names(off.features), off.features)
    for client, what in ((required, "required"), (optional, "optional")):
        client.starttls()
        client.open()
        check(f"{what}: not offered again under TLS", "starttls" not in names(client.features), client.features)
        check(f"{what}: PLAIN under TLS", client.mechanisms()[-1] == "PLAIN" and "SCRAM-SHA-256-PLUS" in client.mechanisms(),
              client.features)
    required.auth("PLAIN", "\0alice\0secret")
    check("and it works", required.wait().name == "success")
    server.client("optional").login("alice").close()
    check("optional: one may stay without", True)
    for client, what in ((off, "where it is off"), (optional, "a second time")):
        client.send(f"<starttls xmlns='{TLS}'/>")
        check(f"STARTTLS {what}: failure", client.wait().name == "failure" and client.ended() == "", client.got)
    direct = server.client("tls")
    check("direct TLS: STARTTLS is not offered", names(direct.features)[0] == "mechanisms" and "PLAIN" in direct.mechanisms(),
          direct.features)
    direct.send(f"<starttls xmlns='{TLS}'/>")
    check("direct TLS: nor accepted", direct.wait().name == "failure" and direct.ended() == "", direct.got)


def required_means_required():
    client = server.client("required")
    client.auth("PLAIN", "\0alice\0secret")
    check("authentication in clear: encryption-required", client.wait().condition == "encryption-required", client.got)
    client.auth("SCRAM-SHA-1", "n,,n=alice,r=abc")
    check("also with SCRAM", client.wait().condition == "encryption-required", client.got)
    client.auth("SCRAM-SHA-1", "n,,n=alice,r=abc")
    check("the third attempt is the last", client.ended() == "policy-violation", client.got)
    client = server.client("required")
    client.send("<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>")
    check("registration in clear: not-authorized", client.ended() == "not-authorized", client.got)


def injection():
    """What comes in clear behind <starttls/> must not count as said under TLS."""
    client = server.client("required")
    client.send(f"<starttls xmlns='{TLS}'/>" + client.header() + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' "
                "mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>")
    check("the server proceeds", client.wait().name == "proceed", client.got)
    client.secure()
    features = client.open()
    check("nothing that came in clear is answered", len(client.got.split(b"<stream:stream")) == 2 and
          names(features)[0] == "mechanisms" and not client.came, client.got)
    client.login("alice", mechanism="PLAIN").close()


def alpn():
    for offered, chosen in ((["xmpp-client"], "xmpp-client"), (["h2", "xmpp-client"], "xmpp-client"), ([], None)):
        client = server.client("tls", direct=client_context(alpn=offered))
        check(f"ALPN {offered} gets {chosen}", client.socket.selected_alpn_protocol() == chosen, client.socket)
        client.close()
    for offered in (["h2"], ["xmpp-server"], ["xmpp-clien"], ["http/1.1", "xmpp-client2"]):
        try:
            server.connect("tls", direct=client_context(alpn=offered))
            check(f"ALPN {offered} is refused", False)
        except ssl.SSLError as error:
            check(f"ALPN {offered} is refused", "no application protocol" in str(error).lower().replace("_", " "), error)
    client = server.client("optional")
    client.starttls(client_context(alpn=["h2"]))
    check("STARTTLS looks at no ALPN", client.socket.selected_alpn_protocol() is None and client.open().name == "features")


def versions():
    old = "ALL:@SECLEVEL=0"
    for version in (V12, V13):
        for port in ("tls", "required"):
            context = client_context(oldest=version, newest=version)
            client = server.connect("tls", direct=context) if port == "tls" else server.client(port)
            if port == "required":
                client.starttls(context)
            client.open()
            client.login("alice", mechanism="SCRAM-SHA-256-PLUS", binding="tls-exporter")
            check(f"{version.name} on {port}", client.socket.version() == version.name.replace("_", ".") and
                  client.socket.compression() is None, client.socket.version())
            client.close()
    for version in (V10, V11):
        refused(f"{version.name} is refused", lambda v=version: server.connect(
            "tls", direct=client_context(oldest=v, newest=v, ciphers=old)), ssl.SSLError)
    for ciphers in ("AES128-SHA:@SECLEVEL=0", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "AES128-GCM-SHA256", "aNULL:@SECLEVEL=0"):
        refused(f"{ciphers} is refused", lambda c=ciphers: server.connect(
            "tls", direct=client_context(newest=V12, ciphers=c)), ssl.SSLError)


def resumption():
    """Each connection has keys of its own: nothing can be resumed, and a handshake never happens twice."""
    for version in (V12, V13):
        context = client_context(oldest=version, newest=version)
        first = server.client("tls", direct=context)
        session = first.socket.session
        again = context.wrap_socket(socket.create_connection(("127.0.0.1", server.ports["tls"]), WAIT),
                                    server_hostname="localhost", session=session)
        check(f"{version.name}: no session is resumed", not again.session_reused and
              (session is None or not session.has_ticket), session)
        again.close()


def sni():
    for name, path in HOSTS.items():
        direct = server.connect("tls", name)
        check(f"direct TLS, SNI {name}: its certificate", direct.socket.getpeercert(True) == der(path))
        check("its stream is opened", direct.open().name == "features" and direct.parser.header["from"] == name, direct.got)
        client = server.client("required", name)
        client.starttls(name=name.upper())
        check(f"STARTTLS, SNI {name.upper()}: its certificate", client.socket.getpeercert(True) == der(path))
        client = server.client("required", name)
        client.send(f"<starttls xmlns='{TLS}'/>")
        client.wait("proceed")
        client.socket = client_context().wrap_socket(client.socket)
        check(f"STARTTLS to {name} without SNI: its certificate", client.socket.getpeercert(True) == der(path))
    client = server.client("required", "example.org")
    client.starttls(name="example.net")
    check("SNI goes before the header", client.socket.getpeercert(True) == der("net.pem"))
    for name in ("nowhere.test", None):
        sock = client_context().wrap_socket(socket.create_connection(("127.0.0.1", server.ports["tls"]), WAIT),
                                            server_hostname=name)
        check(f"SNI {name}: the first host's certificate", sock.getpeercert(True) == der("cert.pem"))
        sock.close()


def broken():
    client = Client(server.ports["tls"])
    client.send(client.header())
    check("plain XMPP on a port of direct TLS is cut off", not read_all(client.socket).startswith(b"<"))
    client = server.client("required")
    client.send(f"<starttls xmlns='{TLS}'/>")
    client.wait("proceed")
    client.send(client.header())
    check("plain XMPP where a handshake should be is cut off", b"<" not in read_all(client.socket))
    sock = socket.create_connection(("127.0.0.1", server.ports["tls"]), WAIT)
    sock.sendall(b"\x16\x03\x01\x02\x00\x01")
    check("half a handshake is cut off in time", read_all(sock) == b"")
    client = Client(server.ports["tls"])
    client.socket = client_context().wrap_socket(client.socket, server_hostname="localhost", suppress_ragged_eofs=False)
    client.open()
    check("the end of a stream is the end of TLS, said by close_notify", client.ends() == "", client.got)


def read_all(sock):
    got = b""
    try:
        while part := sock.recv(65536):
            got += part
    except ConnectionError:
        pass
    return got


def big():
    one, two = server.login("alice", "one", port="tls"), server.login("alice", "two", port="tls")
    body = "x" * 90_000
    for i in range(20):
        one.send(f"<message to='{two.jid}' id='{i}'><body>{body}</body></message>")
    got = [two.wait("<message").get("id") for _ in range(20)]
    check("many records in each direction arrive whole and in order", got == [str(i) for i in range(20)], got)


def renewal():
    """A certificate is replaced while clients are there."""
    old = der("cert.pem")
    bound = server.login("alice", "bound", port="tls")
    early = server.client("required")  # its TLS begins after the reload
    middle = server.client("required")
    middle.starttls()
    certificate("localhost", cert="new.pem", key="new.key")
    Path("new.all").write_text(Path("new.pem").read_text() + Path("new.key").read_text())
    shutil.move("new.all", "cert.pem")
    check("a new file alone changes nothing", server.connect("tls").socket.getpeercert(True) == old)
    check("reload_config takes it", server.reload().code == 0)
    check("who comes gets the new one",
          server.connect("tls").socket.getpeercert(True) == der("cert.pem") != old)
    check("a session goes on", bound.sync())
    middle.open()
    middle.login("alice", resource="middle", mechanism="SCRAM-SHA-256-PLUS", binding="tls-server-end-point")
    check("a stream under the old one goes on, and its channel binding is the old one's", middle.socket.getpeercert(True) == old)
    early.starttls()
    early.open()
    early.login("alice", resource="early", mechanism="SCRAM-SHA-256-PLUS", binding="tls-server-end-point")
    check("a stream that had begun in clear gets the new one", early.socket.getpeercert(True) == der("cert.pem"))
    now = der("cert.pem")
    for what, text in (("garbage", "garbage"), ("a certificate without its key", Path("new.pem").read_text()),
                       ("another's key", Path("new.pem").read_text() + Path("example.org.key").read_text())):
        Path("cert.pem").write_text(text)
        done = server.reload()
        check(f"{what} is refused, and the file named", done.code == 1 and "cert.pem" in done.err, done)
    check("the one in force stays", server.connect("tls").socket.getpeercert(True) == now)
    check("nobody was cut off", bound.sync() and middle.sync() and early.sync())


run(start, offers, required_means_required, injection, alpn, versions, resumption, sni, broken, big, renewal, server.stop)
