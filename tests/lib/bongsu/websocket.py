"""XMPP over WebSocket, frame by frame (RFC 6455, RFC 7395)."""
import base64
import os
import re
import select
import struct
import time
import xml.etree.ElementTree as ET
from collections import deque

from bongsu.checks import WAIT
from bongsu.client import Client, Element, Ended, Late, escape
from bongsu.web import Http

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def qualify(text):
    """Stanzas get the namespace that a stream over TCP would give them."""
    return re.sub(r"^<(iq|message|presence)(?![^>]*xmlns=['\"]jabber:client)(?=[\s/>])", r"<\1 xmlns='jabber:client'", text)


def frame(payload, opcode=TEXT, fin=True, mask=b"\x12\x34\x56\x78", reserved=0, length=None):
    """One frame; mask None: unmasked; length: the bytes that say how long it is, if they are not to be true."""
    payload = payload.encode() if isinstance(payload, str) else payload
    n = len(payload)
    if length is None:
        length = bytes([n]) if n < 126 else struct.pack("!BH", 126, n) if n < 65536 else struct.pack("!BQ", 127, n)
    head = bytes([(0x80 if fin else 0) | reserved | opcode, length[0] | (0x80 if mask else 0)]) + length[1:]
    if mask:
        repeated = mask * (n // 4 + 1)
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:n], "big")).to_bytes(n, "big")
    return head + (mask or b"") + payload


def handshake(path="/xmpp-websocket", **headers):
    given = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13",
             "Sec_WebSocket_Key": base64.b64encode(os.urandom(16)).decode(), "Sec_WebSocket_Protocol": "xmpp"} | headers
    return Http.request("GET", path, **given)


class Messages:
    """What came: elements, pongs, the code of the close frame."""

    def __init__(self):
        self.elements = deque()
        self.pongs = []
        self.pings = 0
        self.code = None  # of the close frame; 0 without one
        self.header = None
        self.closed = False  # <close/> came
        self.data = b""

    def feed(self, data):
        self.data += data
        while len(self.data) >= 2:
            size, start = self.data[1], 2
            if size == 126:
                size, start = int.from_bytes(self.data[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(self.data[2:10], "big"), 10
            if len(self.data) < start + size:
                break
            self.frame(self.data[0], self.data[start:start + size])
            self.data = self.data[start + size:]

    def frame(self, first, payload):
        assert self.code is None, "a frame after the close frame"
        if first == 0x80 | PONG:
            self.pongs.append(payload)
        elif first == 0x80 | PING:
            self.pings += 1
        elif first == 0x80 | CLOSE:
            self.code = int.from_bytes(payload[:2], "big")
        else:
            assert first == 0x80 | TEXT, f"a frame that begins with {first:x}"
            self.message(payload.decode())

    def message(self, text):
        assert text.startswith("<") and not text.startswith("<?"), text
        assert not self.closed, f"a message after <close/>: {text}"
        element = Element(ET.fromstring(text), text)
        if element.ns == FRAMING:
            self.closed = element.name == "close"
            self.header = element.xml.attrib if element.name == "open" else self.header
        self.elements.append(element)


class WebSocket(Client):
    """A Client over WebSocket, from the handshake on. answer is what the server said to the handshake."""

    def __init__(self, port, host="localhost", secure=False, handshake_with=None, behind=b"", path="/xmpp-websocket",
                 source=None):
        self.http = Http(port, secure, source)
        Client.__init__(self, port, host)
        self.socket.close()
        self.socket = self.http.socket
        self.parser = Messages()
        self.http.send(handshake(path, **(handshake_with or {})) + behind)
        self.answer = self.http.head()
        if self.answer[0] == 101 and self.http.got:
            self.parser.feed(self.http.got)

    def send(self, data):
        """A message; bytes go as they are, without a frame."""
        self.socket.sendall(data if isinstance(data, bytes) else frame(qualify(data)))

    def read(self, until):
        pending = getattr(self.socket, "pending", lambda: 0)()
        if not pending and not select.select([self.socket], [], [], max(0, until - time.monotonic()))[0]:
            raise Late(f"{self.jid}: not in time; what came is {[*self.came]}")
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionError:
            data = b""
        self.got += data
        self.parser.feed(data)
        return bool(data)

    def header(self, **attributes):
        given = {"to": self.host, "version": "1.0", "xmlns": FRAMING} | attributes
        return "<open" + "".join(f" {name.replace('_', ':')}='{escape(value)}'" for name, value in given.items()
                                 if value is not None) + "/>"

    def open(self, **attributes):
        self.send(self.header(**attributes))
        self.wait(lambda e: e.name == "open" and e.ns == FRAMING)
        self.features = self.wait(lambda e: e.name in ("features", "error"))
        return self.features

    def ended(self, seconds=WAIT, polite=True):
        """As Client.ended; "" also after <close/> alone, which is answered if polite."""
        until = time.monotonic() + seconds
        while True:
            if self.parser.closed and polite and self.parser.code is None:
                polite = False
                try:
                    self.send(f"<close xmlns='{FRAMING}'/>")
                except OSError:
                    pass
            if not self.read(until):
                break
        self.error = next((e for e in self.came if e.name == "error"), None)
        if not self.parser.closed:
            return None
        return self.error.condition if self.error else ""

    def wait_frame(self, holds, seconds=WAIT):
        """Waits until holds(the frames that came)."""
        until = time.monotonic() + seconds
        while not holds(self.parser):
            if not self.read(until):
                raise Ended(f"{self.jid}: the connection ended; what came is {[*self.came]}")

    def ends(self):
        self.send(f"<close xmlns='{FRAMING}'/>")
        return self.ended(polite=False)
