#!/usr/bin/env python3
"""Stream errors (RFC 6120 4.9) and the XML that streams may not have (RFC 6120 11).

Whatever is wrong with a stream, the client gets the server's header, the error that the RFC names and the end of the
stream, all in one go; then the connection ends. Nothing of it disturbs other streams.
"""
import re
import socket
import time

from bongsu import WAIT, Server, check, run
from bongsu.client import SASL, Parser

server = Server(hosts=["localhost", "example.org"], c2s={"auth_timeout": "2s"})
HEAD = ("<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>")
AUTH = f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>"

# what is wrong, the condition, and what is sent
BEFORE_HEADER = [
    ("garbage", "not-well-formed", "hello, world"),
    ("a line of HTTP", "not-well-formed", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ("an attribute twice", "not-well-formed", HEAD.replace("version='1.0' xmlns", "version='1.0' to='b' xmlns")),
    ("no host", "improper-addressing", HEAD.replace("to='localhost' ", "")),
    ("a host that is not served", "host-unknown", HEAD.replace("localhost", "elsewhere.example")),
    ("an empty host", "host-unknown", HEAD.replace("'localhost'", "''")),
    ("an address as host", "host-unknown", HEAD.replace("'localhost'", "'alice@localhost'")),
    ("a host that is no domain", "host-unknown", HEAD.replace("'localhost'", "'local host'")),
    ("no version", "unsupported-version", HEAD.replace("version='1.0' xmlns", "xmlns")),
    ("version 0.9", "unsupported-version", HEAD.replace("version='1.0' xmlns", "version='0.9' xmlns")),
    ("a version that is no number", "unsupported-version", HEAD.replace("version='1.0' xmlns", "version='one' xmlns")),
    ("a foreign stream namespace", "invalid-namespace", HEAD.replace("etherx.jabber.org", "example.org")),
    ("no stream namespace", "invalid-namespace", "<stream to='localhost' version='1.0' xmlns='jabber:client'>"),
    ("a foreign content namespace", "invalid-namespace", HEAD.replace("jabber:client", "jabber:else")),
    ("the content namespace of servers", "invalid-namespace", HEAD.replace("jabber:client", "jabber:server")),
    ("no content namespace", "invalid-namespace", HEAD.replace("xmlns='jabber:client' ", "")),
    ("another element of the stream namespace", "bad-format", HEAD.replace("stream:stream", "stream:features")),
    ("an undeclared stream prefix", "bad-namespace-prefix", HEAD.replace("xmlns:stream", "xmlns:other")),
    ("an address that is none", "invalid-from", HEAD.replace("to=", "from='@' to=")),
    ("another encoding", "unsupported-encoding", HEAD.replace("'1.0'?", "'1.0' encoding='ISO-8859-1'?")),
    ("UTF-16 by name", "unsupported-encoding", HEAD.replace("'1.0'?", "'1.0' encoding='UTF-16'?")),
    ("UTF-16", "unsupported-encoding", HEAD.encode("utf-16")),
    ("UTF-16 without a mark", "unsupported-encoding", HEAD.encode("utf-16-be")),
    ("XML 2.0", "not-well-formed", HEAD.replace("'1.0'?", "'2.0'?")),
    ("a DTD", "restricted-xml", "<?xml version='1.0'?><!DOCTYPE stream [<!ENTITY a 'b'>]>"),
    ("a comment", "restricted-xml", "<?xml version='1.0'?><!-- hello -->"),
    ("a processing instruction", "restricted-xml", "<?xml-stylesheet href='a'?>"),
    ("a close tag", "not-well-formed", "</stream:stream>"),
    ("a header of more than 10 KB", "policy-violation", HEAD.replace("to=", f"a='{'x' * 10000}' to=")),
    ("a header without end", "policy-violation", "<stream:stream " + "a " * 6000),
    ("too many attributes", "policy-violation",
     HEAD.replace("to=", " ".join(f"a{i}='1'" for i in range(100)) + " to=")),
]
BEFORE_AUTH = [
    ("a DTD", "restricted-xml", "<!DOCTYPE x [<!ENTITY a 'b'>]>"),
    ("a comment", "restricted-xml", "<!-- hello -->"),
    ("a comment within an element", "restricted-xml", AUTH + "<!-- hello --></auth>"),
    ("a processing instruction", "restricted-xml", "<?php echo ?>"),
    ("a processing instruction within an element", "restricted-xml", AUTH + "<?php echo ?></auth>"),
    ("a second XML declaration", "restricted-xml", "<?xml version='1.0'?>"),
    ("an entity", "restricted-xml", AUTH + "&a;</auth>"),
    ("an entity of HTML", "restricted-xml", AUTH + "&nbsp;</auth>"),
    ("an entity in an attribute", "restricted-xml", "<a b='&a;'/>"),
    ("a character that XML does not have", "not-well-formed", AUTH + "&#0;</auth>"),
    ("one more", "not-well-formed", AUTH + "&#xFFFF;</auth>"),
    ("a control character", "not-well-formed", AUTH + "\x01</auth>"),
    ("an undeclared prefix", "bad-namespace-prefix", "<a:b/>"),
    ("an undeclared prefix of an attribute", "bad-namespace-prefix", "<b a:c='1'/>"),
    ("a prefix that went out of scope", "bad-namespace-prefix", "<b><a:c xmlns:a='u'/><a:c/></b>"),
    ("a prefix bound to nothing", "not-well-formed", "<b xmlns:a=''/>"),
    ("the prefix xmlns", "not-well-formed", "<b xmlns:xmlns='u'/>"),
    ("another meaning of the prefix xml", "not-well-formed", "<b xmlns:xml='u'/>"),
    ("an attribute twice", "not-well-formed", "<b c='1' c='2'/>"),
    ("an attribute twice by its namespace", "not-well-formed", "<b xmlns:x='u' xmlns:y='u' x:c='1' y:c='2'/>"),
    ("an attribute without quotes", "not-well-formed", "<b c=1/>"),
    ("a stray <", "not-well-formed", "<b c='<'/>"),
    ("an & alone", "not-well-formed", "<b>a & b</b>"),
    ("text between elements", "bad-format", "hello<a/>"),
    ("CDATA between elements", "bad-format", "<![CDATA[hello]]>"),
    ("mismatched tags", "not-well-formed", "<a><b></a></b>"),
    ("the end tag of something else", "not-well-formed", "</stream:features>"),
    ("bytes that are not UTF-8", "not-well-formed", b"<a>\xff\xfe</a>"),
    ("half a surrogate pair", "not-well-formed", b"<a>\xed\xa0\x80</a>"),
    ("an overlong character", "not-well-formed", b"<a>\xc0\xaf</a>"),
    ("a message", "not-authorized", "<message to='a@localhost'><body>hi</body></message>"),
    ("presence", "not-authorized", "<presence/>"),
    ("an iq", "not-authorized", "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>"),
    ("binding", "not-authorized", "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"),
    ("an answer without a question", "unsupported-stanza-type", f"<response xmlns='{SASL}'/>"),
    ("an unknown element", "unsupported-stanza-type", "<foo xmlns='urn:bar'/>"),
    ("an unknown element of the content namespace", "unsupported-stanza-type", "<foo/>"),
    ("a second header", "unsupported-stanza-type",
     "<stream:stream to='localhost' version='1.0'>" + "</stream:stream>"),
    ("compression", "unsupported-feature",
     "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>"),
    ("10 KB and one byte", "policy-violation", AUTH + "A" * (10001 - len(AUTH) - 7) + "</auth>"),
    ("an element without end", "policy-violation", AUTH + "A" * 10000),
    ("a tag without end", "policy-violation", "<a " + "b " * 5000),
    ("an end tag without end", "policy-violation", "</" + "b" * 10000),
    ("more than 64 levels", "policy-violation", "<a>" * 65),
    ("more than 64 attributes", "policy-violation", "<a " + " ".join(f"a{i}='1'" for i in range(65)) + "/>"),
    ("more than 64 declarations", "policy-violation", "<a " + " ".join(f"xmlns:a{i}='1'" for i in range(65)) + "/>"),
]


def all_of(sock):
    """Everything that comes until the server closes, as it came."""
    parts = []
    try:
        while part := sock.recv(1 << 20):
            parts.append(part)
    except ConnectionError:
        pass
    return parts


def fails(what, condition, before, pieces):
    """The pieces end the stream with the condition; before: what is sent (and answered) first."""
    with socket.create_connection(("127.0.0.1", server.ports["plain"]), WAIT) as sock:
        if before:
            sock.sendall(before.encode())
            got = b""
            while b"</stream:features>" not in got:
                got += sock.recv(65536)
        for piece in pieces:
            sock.sendall(piece if isinstance(piece, bytes) else piece.encode())
        parts = all_of(sock)
    text = b"".join(parts)
    if before:  # it is a stream of its own, made whole for the parser
        text = re.sub(b"<stream:features>.*", b"", got, flags=re.S) + text
    parser = Parser()
    parser.feed(text)
    error = parser.elements[0] if parser.elements else None
    check(f"{what}: {condition}", parser.closed and len(parser.elements) == 1 and error.name == "error" and
          error.condition == condition and error.xml[0].text is None, text[-500:])
    if not before:
        head = parser.header
        check(f"{what}: with a header, in one go", len(parts) == 1 and head["from"] == "localhost" and
              head.get("version") == "1.0" and head.get("{http://www.w3.org/XML/1998/namespace}lang") and
              len(head.get("id", "")) >= 16, (parts, head))


def errors():
    server.start()
    for what, condition, text in BEFORE_HEADER:
        fails(f"before the header: {what}", condition, "", [text])
    for what, condition, text in BEFORE_AUTH:
        fails(what, condition, HEAD, [text])
    for what, condition, text in BEFORE_AUTH[:40:3]:
        data = text if isinstance(text, bytes) else text.encode()
        pieces = [data[i:i + 1] for i in range(len(data))]
        fails(f"byte by byte: {what}", condition, HEAD, pieces)


def in_a_session():
    server.register("alice")
    other = server.login("alice", "other")
    for what, condition, text in [
            ("a foreign from", "invalid-from", "<message from='bob@localhost' to='alice@localhost'/>"),
            ("the from of another resource", "invalid-from", "<presence from='alice@localhost/other'/>"),
            ("a from that is no address", "invalid-from", "<presence from='@'/>"),
            ("an unknown element", "unsupported-stanza-type", "<foo xmlns='urn:bar'/>"),
            ("a stanza of another namespace", "unsupported-stanza-type", "<message xmlns='jabber:server'/>"),
            ("authentication again", "unsupported-stanza-type", AUTH + "</auth>"),
            ("STARTTLS", "unsupported-stanza-type", "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            ("compression", "unsupported-feature",
             "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>"),
            ("a comment", "restricted-xml", "<message><!-- --></message>"),
            ("an entity", "restricted-xml", "<message to='alice@localhost'><body>&lol;</body></message>"),
            ("1 MiB and one byte", "policy-violation", f"<message><body>{'x' * (1048577 - 32)}</body></message>"),
            ("64 levels of a message", "policy-violation", "<message>" + "<a>" * 64),
            ("a mismatched tag", "not-well-formed", "<message></presence>"),
            ("text", "bad-format", "hello"),
    ]:
        client = server.login("alice", "r")
        client.send(text)
        check(f"in a session, {what}: {condition}", client.ended() == condition, client.got)
    fresh = server.client()
    fresh.authenticate("alice", "secret")
    fresh.open()
    fresh.send("<message to='alice@localhost'/>")
    check("a message before a resource is bound: not-authorized", fresh.ended() == "not-authorized", fresh.got)
    check("another session never noticed", other.sync())
    again = server.login("alice", "other")
    check("a newer session of the same resource: conflict", other.ended() == "conflict", other.got)
    again.close()


def ends():
    """What is not an error."""
    for what, text in [("a closed stream", "</stream:stream>"), ("with white space", " \r\n\t</stream:stream  \n>")]:
        client = server.client()
        client.send(text)
        check(f"{what} is answered by the end of the other", client.ended() == "", client.got)
    client = server.connect()
    client.send(client.header()[:-1] + "/>")
    check("a header that closes itself is one", client.ended() == "", client.got)
    for what, header in [("a version with zeros", {"version": "01.00"}), ("a newer version", {"version": "2.7"}),
                         ("the host in capitals", {"to": "LOCALHOST"}), ("the host with a dot", {"to": "localhost."}),
                         ("a language", {"xml_lang": "ko"}), ("who it is", {"from": "alice@localhost"})]:
        client = server.connect()
        check(f"{what} in the header: fine", client.open(**header).name == "features", client.got)
        client.close()
    for what, text in [("another prefix", HEAD.replace("stream:", "s:").replace(":stream=", ":s=")),
                       ("double quotes", HEAD.replace("'", '"')), ("white space", HEAD.replace(" ", "\n\t ")),
                       ("no XML declaration", HEAD.partition("?>")[2]), ("an encoding", HEAD.replace("?>", " encoding='utf-8'?>")),
                       ("white space before it", " \r\n" + HEAD.partition("?>")[2])]:
        client = server.connect()
        client.send(text)
        check(f"a header with {what}: fine", client.wait().name == "features", client.got)
        client.close()


def header_values():
    """What the header says holds for the stream: its language for stanzas that name none, its prefixes."""
    alice, bob = server.connect(), server.login("alice", "bob")
    alice.open(xml_lang="ko", xmlns_x="urn:x")
    alice.authenticate("alice", "secret")
    features = alice.open(xml_lang="de", xmlns_x="urn:y")
    check("the answer's language is said", alice.parser.header.get("{http://www.w3.org/XML/1998/namespace}lang") == "en")
    check("the prefix means nothing to the server's elements", features.find("bind:bind") is not None)
    alice.bind("from")
    alice.send(f"<message to='{bob.jid}' id='1'><x:a x:b='c'>text</x:a></message>"
               f"<message to='{bob.jid}' id='2' xml:lang='fr'><body>bonjour</body></message>")
    one, two = bob.wait("id='1'"), bob.wait("id='2'")
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    check("a stanza gets the language of the newest header", one.get(lang) == "de", one)
    check("unless it has its own", two.get(lang) == "fr", two)
    check("a prefix of the header is declared where the stanza goes", one.find("{urn:y}a").attrib == {"{urn:y}b": "c"}, one)
    client = server.connect()
    client.open(**{"from": "alice@localhost/x"})
    check("who says who it is is addressed so", client.parser.header.get("to") == "alice@localhost", client.parser.header)


def gone():
    """A host that is no longer served; time that runs out; a server that stops."""
    alice, early = server.login("alice"), server.client()
    other = server.client(host="example.org")
    server.configure(hosts=["example.org"])
    check("a host is taken away", server.reload().code == 0)
    check("a session on it: host-gone", alice.ended() == "host-gone", alice.got)
    check("a stream that was being negotiated: host-gone", early.ended() == "host-gone", early.got)
    server.configure(hosts=["localhost", "example.org"])
    check("it comes back", server.reload().code == 0 and server.login("alice").sync())
    check("time runs out: connection-timeout", other.ended() == "connection-timeout", other.got)
    late = server.client()
    late.authenticate("alice", "secret")
    late.open()
    check("also when only binding is missing", late.ended() == "connection-timeout", late.got)
    begin = time.monotonic()
    silent = server.connect()
    check("also without a word", silent.ended() == "connection-timeout" and time.monotonic() - begin > 1.9, silent.got)
    slow = server.connect()
    try:
        for c in slow.header() * 100:  # a byte now and then keeps nobody alive
            slow.send(c)
            time.sleep(0.05)
    except OSError:
        pass
    check("and for a slow sender", slow.ended() == "connection-timeout", slow.got)
    alice, early = server.login("alice"), server.client()
    server.stop()
    check("a session when the server stops: system-shutdown", alice.ended() == "system-shutdown", alice.got)
    check("any stream when the server stops: system-shutdown", early.ended() == "system-shutdown", early.got)


def ids():
    seen = set()
    for _ in range(200):
        with server.connect() as client:
            client.open()
            seen.add(client.parser.header["id"])
    check("stream ids are all different", len(seen) == 200)
    places = [len({i[n] for i in seen}) for n in range(min(map(len, seen)))]
    check("and differ at each place", min(places) > 8, places)


run(errors, in_a_session, ends, header_values, ids, gone)
