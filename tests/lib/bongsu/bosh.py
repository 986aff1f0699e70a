"""XMPP over BOSH (XEP-0124, XEP-0206): single requests, and a client that keeps one waiting."""
import random
import select
import time
from collections import deque, namedtuple

from bongsu.checks import WAIT
from bongsu.client import Client, Ended, Late, Parser, escape
from bongsu.web import Http
from bongsu.websocket import qualify

BOSH, XBOSH = "http://jabber.org/protocol/httpbind", "urn:xmpp:xbosh"

Body = namedtuple("Body", "status headers attributes elements text")


def body(payload="", **attributes):
    """A <body/>; underscores in names are colons, None leaves an attribute out."""
    given = {"xmlns": BOSH, "xmlns_xmpp": XBOSH} | attributes
    text = "".join(f" {name.replace('_', ':')}='{escape(str(value))}'" for name, value in given.items() if value is not None)
    return f"<body{text}>{payload}</body>" if payload else f"<body{text}/>"


def read(answer):
    """An HTTP answer as a Body."""
    if answer.status != 200:
        return Body(answer.status, answer.headers, {}, [], answer.body.decode())
    parser = Parser()
    parser.feed(answer.body)
    return Body(answer.status, answer.headers, parser.header, [*parser.elements], answer.body.decode())


class Pending:
    """A request that was sent; answer() waits for what it brings."""

    def __init__(self, http, rid, data):
        self.http, self.rid, self.data = http, rid, data

    def answer(self, seconds=WAIT):
        if not self.http.got and not select.select([self.http.socket], [], [], seconds)[0]:
            raise Late(f"request {self.rid} was not answered in time")
        return read(self.http.answer("POST"))

    def waits(self, seconds=0.3):
        """Nothing came within that time."""
        return not self.http.got and not select.select([self.http.socket], [], [], seconds)[0]

    def cut(self):
        self.http.close()


class Session:
    """The requests of a session, one by one: nothing is sent by itself."""

    def __init__(self, port, secure=False, path="/http-bind", headers=None, source=None):
        self.port, self.secure, self.path, self.headers, self.source = port, secure, path, headers or {}, source
        self.rid = random.randrange(1 << 40)
        self.sid = None
        self.idle = []  # connections
        self.first = None

    def post(self, payload="", rid=None, http=None, data=None, **attributes):
        """Sends a request, by default the next one, on a connection that is free; data: instead of all that."""
        if rid is None and data is None:
            self.rid += 1
        rid = self.rid if rid is None else rid
        http = http or (self.idle.pop() if self.idle else Http(self.port, self.secure, self.source))
        data = data or body(payload, **({"rid": rid, "sid": self.sid} | attributes))
        http.send(Http.request("POST", self.path, data, Content_Type="text/xml; charset=utf-8", **self.headers))
        return Pending(http, rid, data)

    def again(self, pending):
        """The same request once more, on another connection."""
        return self.post(rid=pending.rid, data=pending.data)

    def done(self, pending, seconds=WAIT):
        """Waits for its answer; the connection is free again."""
        answer = pending.answer(seconds)
        if answer.headers.get("connection") != "close":
            self.idle.append(pending.http)
        return answer

    def ask(self, payload="", **attributes):
        """A request and its answer."""
        return self.done(self.post(payload, **attributes))

    def create(self, **attributes):
        given = {"to": "localhost", "ver": "1.11", "wait": 60, "hold": 1, "xmpp_version": "1.0", "xml_lang": "en",
                 "sid": None} | attributes
        self.first = self.ask(**given)
        self.sid = self.first.attributes.get("sid")
        return self.first


class BoshClient(Client):
    """A Client over BOSH, which keeps a request waiting when it waits itself."""

    def __init__(self, port, host="localhost", secure=False, headers=None, source=None, **wishes):
        Client.__init__(self, port, host)
        self.socket.close()
        self.session = Session(port, secure, headers=headers, source=source)
        self.wishes = wishes
        self.pending = deque()
        self.polled = 0  # when the newest answer came
        self.parser = Parser()  # for its elements and whether it is closed

    def __repr__(self):
        return f"{self.jid} over BOSH"

    def open(self, **attributes):
        if not self.session.sid:
            self.take(self.session.create(to=self.host, **(self.wishes | attributes)))
        else:
            self.flush(self.session.post(to=self.host, xmpp_restart="true", xml_lang="en"))
        self.features = self.wait(lambda e: e.name in ("features", "error"))
        return self.features

    def flush(self, pending):
        self.pending.append(pending)

    def send(self, data):
        while len(self.pending) > 1:  # as many as allowed
            self.read(time.monotonic() + WAIT)
        self.flush(self.session.post(qualify(data)))

    def take(self, answer):
        self.polled = time.monotonic()
        if answer.attributes.get("type") == "terminate":
            self.parser.closed = True
            self.condition = answer.attributes.get("condition")
        self.parser.elements.extend(answer.elements)

    def read(self, until):
        if not self.pending:
            self.poll()
        first = self.pending[0]
        left = until - time.monotonic()
        if not first.http.got and not select.select([first.http.socket], [], [], max(0, left))[0]:
            raise Late(f"{self.jid}: not in time; what came is {[*self.came]}")
        self.pending.popleft()
        self.take(self.session.done(first))
        return True

    def poll(self):
        """Asks for what there is, and not more often than is allowed where no request waits."""
        interval = int(self.session.first.attributes.get("polling", 0))
        if interval:
            time.sleep(max(0, self.polled + interval + 0.2 - time.monotonic()))
        self.flush(self.session.post())

    def wait(self, match=None, seconds=WAIT):
        try:
            return Client.wait(self, match, seconds)
        except Ended:
            raise Ended(f"{self.jid}: the session ended without {match}; what came is {[*self.came]}") from None

    def close(self):
        """Goes away without a word."""
        for pending in self.pending:
            pending.cut()

    def ends(self):
        """Ends the session; the condition of its end, None for none."""
        self.flush(self.session.post("<presence xmlns='jabber:client' type='unavailable'/>", type="terminate"))
        while self.pending:
            self.take(self.session.done(self.pending.popleft()))
        return self.condition if self.parser.closed else "not closed"
