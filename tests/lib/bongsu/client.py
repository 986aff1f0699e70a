"""A raw XMPP client over TCP: what it sends is text, what it gets are elements."""
import base64
import itertools
import re
import select
import socket
import time
import xml.etree.ElementTree as ET
from collections import deque
from xml.parsers import expat

from bongsu import tls
from bongsu.checks import WAIT
from bongsu.scram import Scram, b64

SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
STREAMS = "http://etherx.jabber.org/streams"
NAMESPACES = {  # prefixes that paths may use
    "c": "jabber:client",
    "s": STREAMS,
    "e": "urn:ietf:params:xml:ns:xmpp-stanzas",
    "se": "urn:ietf:params:xml:ns:xmpp-streams",
    "sasl": SASL,
    "tls": "urn:ietf:params:xml:ns:xmpp-tls",
    "bind": "urn:ietf:params:xml:ns:xmpp-bind",
}
CONDITIONS = (NAMESPACES["e"], NAMESPACES["se"], SASL)


class Late(Exception):
    """It did not come in time."""


class Ended(EOFError):
    """The stream or the connection ended before it came."""


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&apos;").replace('"', "&quot;")


class Element:
    """A first-level element: raw is its text as it came, xml its tree."""

    def __init__(self, xml, raw):
        self.xml = xml
        self.raw = raw
        self.ns, _, self.name = xml.tag[1:].rpartition("}")

    def __repr__(self):
        return self.raw if len(self.raw) < 1000 else f"{self.raw[:500]} [...] {self.raw[-500:]}"

    def get(self, name):
        """An attribute, or None."""
        return self.xml.get(name)

    def find(self, path):
        """The first element at the path ("c:body", "{urn:x}a/{urn:x}b", ".//e:forbidden"), or None."""
        return self.xml.find(path, NAMESPACES)

    def all(self, path):
        return self.xml.findall(path, NAMESPACES)

    def text(self, path):
        """The text at the path, or None if there is no such element."""
        return self.xml.findtext(path, None, NAMESPACES)

    @property
    def condition(self):
        """The defined condition of a stanza error, stream error or SASL failure, or None."""
        error = self.find("c:error") if self.ns == "jabber:client" else self.xml
        names = [child.tag[1:].partition("}") for child in ([] if error is None else error)]
        return next((name for ns, _, name in names if ns in CONDITIONS and name != "text"), None)


class Parser:
    """One stream: header, then elements, as soon as their last byte is there."""

    def __init__(self):
        self.expat = expat.ParserCreate(namespace_separator="}")
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._text
        self.data = b""
        self.begin = 0
        self.dropped = 0  # bytes before data
        self.open = []
        self.header = None  # the attributes of the stream's header
        self.closed = False
        self.elements = deque()

    def feed(self, data):
        self.data += data
        self.expat.Parse(data, False)
        if len(self.open) == 1:
            self.dropped += len(self.data)
            self.data = b""

    def _start(self, name, attributes):
        tag, *rest = [("{" + n if "}" in n else n) for n in (name, *attributes)]
        element = ET.Element(tag, dict(zip(rest, attributes.values())))
        if not self.open:
            self.header = element.attrib
        elif len(self.open) == 1:
            self.begin = self.expat.CurrentByteIndex - self.dropped
        else:
            self.open[-1].append(element)
        self.open.append(element)

    def _end(self, _):
        element = self.open.pop()
        if not self.open:
            self.closed = True
        elif len(self.open) == 1:
            here = self.expat.CurrentByteIndex - self.dropped
            empty = len(element) == 0 and not element.text and self.data[self.begin:here].endswith(b"/>")
            end = here if empty else self.data.index(b">", here) + 1
            self.elements.append(Element(element, self.data[self.begin:end].decode()))

    def _text(self, text):
        if len(self.open) < 2:
            return  # white space between elements
        into = self.open[-1]
        if len(into):
            into[-1].tail = (into[-1].tail or "") + text
        else:
            into.text = (into.text or "") + text


class Client:
    """A connection. Nothing is sent before open(), so that anything can be sent in its place.

    Elements that came and were not waited for stay in `came`, in order.
    """

    def __init__(self, port, host="localhost", address="127.0.0.1", direct=None, source=None, proxied=None):
        """host: the header's `to`. direct: a context of tls.client_context, for TLS from the first byte.
        source: the loopback address to come from. proxied: the address to claim by the PROXY protocol."""
        self.host = host
        self.socket = socket.create_connection((address, port), WAIT, source and (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.parser = Parser()
        self.features = self.jid = self.error = None
        self.ids = itertools.count(1)
        self.got = b""  # all that came since the last open()
        if proxied:
            self.send(f"PROXY TCP{6 if ':' in proxied else 4} {proxied} {proxied} 1 1\r\n")
        if direct:
            self.secure(direct)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- bytes and elements

    @property
    def came(self):
        return self.parser.elements

    def secure(self, context=None, name=None):
        """The TLS handshake; name: the server name to ask for (the host)."""
        self.socket = (context or tls.client_context()).wrap_socket(self.socket, server_hostname=name or self.host)

    def send(self, data):
        """Text or bytes, as they are."""
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def read(self, until):
        """Reads once, at the latest until that monotonic time; False at the end of the connection."""
        pending = getattr(self.socket, "pending", lambda: 0)()
        if not pending and not select.select([self.socket], [], [], max(0, until - time.monotonic()))[0]:
            raise Late(f"{self.jid}: not in time; what came is {[*self.came]}")
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionError:
            data = b""
        self.got += data
        if data:
            self.parser.feed(data)
        return bool(data)

    def wait(self, match=None, seconds=WAIT):
        """The next element that matches: a regular expression found in its text, a predicate, or None for any.

        Late if it does not come in time, Ended if the stream ends before; others stay in `came`.
        """
        holds = match if callable(match) else lambda e: match is None or re.search(match, e.raw, re.S)
        until = time.monotonic() + seconds
        seen = 0
        while True:
            for i in range(seen, len(self.came)):
                if holds(self.came[i]):
                    found = self.came[i]
                    del self.came[i]
                    return found
            seen = len(self.came)
            if self.parser.closed or not self.read(until):
                raise Ended(f"{self.jid}: the stream ended without {match}; what came is {[*self.came]}")

    def ended(self, seconds=WAIT):
        """Waits for the end of the connection: the condition of the stream error (which is in `error`), "" without one,
        None if the stream was not closed."""
        until = time.monotonic() + seconds
        while self.read(until):
            pass
        self.error = next((e for e in self.came if e.name == "error" and e.ns == STREAMS), None)
        if not self.parser.closed:
            return None
        return self.error.condition if self.error else ""

    def take(self):
        """All elements that came and were not waited for."""
        taken = [*self.came]
        self.came.clear()
        return taken

    def close(self):
        """Cuts the connection without a word."""
        self.socket.close()

    # ---- the way to a session

    def header(self, **attributes):
        given = {"to": self.host, "version": "1.0", "xmlns": "jabber:client", "xmlns:stream": STREAMS} | attributes
        return "<?xml version='1.0'?><stream:stream" + "".join(
            f" {name.replace('_', ':')}='{escape(value)}'" for name, value in given.items() if value is not None) + ">"

    def open(self, **attributes):
        """Opens the stream (again) and returns its features; attributes of the header, None leaves one out."""
        self.parser = Parser()
        self.got = b""
        self.send(self.header(**attributes))
        self.features = self.wait(lambda e: e.name in ("features", "error"))
        return self.features

    def starttls(self, context=None, name=None):
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        assert self.wait().name == "proceed"
        self.secure(context, name)

    def mechanisms(self):
        return [m.text for m in self.features.all("sasl:mechanisms/sasl:mechanism")]

    def auth(self, mechanism, initial=None, more=""):
        """Sends <auth/>; initial: bytes or text that is not encoded yet, None for no initial response."""
        self.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'{more}>" + ("" if initial is None else b64(initial) or "=") +
                  "</auth>")

    def respond(self, message):
        self.send(f"<response xmlns='{SASL}'>{b64(message) or '='}</response>")

    def authenticate(self, user, password, mechanism="SCRAM-SHA-1", binding=None, digest="sha256"):
        """A whole exchange; returns the last element, <success/> or <failure/>, whose signature is true.
        binding: the type for -PLUS mechanisms; digest: of the certificate's signature."""
        if mechanism == "PLAIN":
            self.auth(mechanism, f"\0{user}\0{password}")
            return self.wait(f"xmlns='{SASL}'")
        data = tls.binding(self.socket, binding, digest) if binding else b""
        scram = Scram(mechanism, user, password, f"p={binding},," if binding else "n,,", data)
        self.auth(mechanism, scram.first())
        answer = self.wait(f"xmlns='{SASL}'")
        if answer.name == "challenge":
            self.respond(scram.final(base64.b64decode(answer.xml.text).decode()))
            answer = self.wait(f"xmlns='{SASL}'")
        if answer.name == "success":
            assert scram.proves(base64.b64decode(answer.xml.text).decode())
        return answer

    def bind(self, resource=None):
        """Binds a resource (the server's if None) and returns the answer."""
        inside = "" if resource is None else f"<resource>{escape(resource)}</resource>"
        answer = self.ask("set", f"<bind xmlns='{NAMESPACES['bind']}'>{inside}</bind>")
        self.jid = answer.text("bind:bind/bind:jid")
        return answer

    def login(self, user, password="secret", resource=None, **how):
        """From an open stream to a bound resource. how: see authenticate."""
        answer = self.authenticate(user, password, **how)
        if answer.name != "success":
            raise Ended(f"{user}: {answer}")
        self.open()
        answer = self.bind(resource)
        if not self.jid:
            raise Ended(f"{user}: {answer}")
        return self

    # ---- in a session

    @property
    def bare(self):
        return self.jid.partition("/")[0]

    def ask(self, kind, payload, to=None, seconds=WAIT):
        """Sends an iq of that kind (get, set) and returns its answer, an iq of type result or error."""
        number = f"q{next(self.ids)}"
        self.send(f"<iq type='{kind}' id='{number}'" + (f" to='{escape(to)}'" if to else "") + f">{payload}</iq>")
        return self.wait(lambda e: e.name == "iq" and e.get("id") == number and e.get("type") in ("result", "error"),
                         seconds)

    def available(self, inside=""):
        """Sends presence and waits until it comes back to this resource itself."""
        self.send(f"<presence>{inside}</presence>")
        return self.wait(lambda e: e.name == "presence" and e.get("from") == self.jid and not e.get("type"))

    def sync(self):
        """Waits until the server has handled what was sent: it answers a ping behind it. Returns self."""
        self.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to=self.host)
        return self

    def ends(self):
        """Closes the stream and waits until the server does."""
        self.send("</stream:stream>")
        return self.ended()
