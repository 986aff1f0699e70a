"""A raw HTTP client: what it sends is bytes, what it gets are answers."""
import socket
import time
from collections import namedtuple

from bongsu import tls
from bongsu.checks import WAIT
from bongsu.client import Ended

Answer = namedtuple("Answer", "status headers body")


class Http:
    """A connection; secure: with TLS from the first byte. source: the loopback address to come from."""

    def __init__(self, port, secure=False, source=None, alpn=("http/1.1",)):
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT, source and (source, 0))
        if secure:
            self.socket = tls.client_context(alpn).wrap_socket(self.socket, server_hostname="localhost")
        self.got = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def read(self):
        """What came up to now and what comes next, once; Ended at the end."""
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionError:
            data = b""
        if not data:
            raise Ended(f"the connection ended after {self.got[-500:]}")
        self.got += data

    def take(self, count):
        """The next count bytes."""
        while len(self.got) < count:
            self.read()
        taken, self.got = self.got[:count], self.got[count:]
        return taken

    def head(self):
        """Status and headers (with lower-case names; repeated ones joined by commas) of the next answer."""
        while b"\r\n\r\n" not in self.got:
            self.read()
        head, _, self.got = self.got.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            name = name.lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
        return int(first.split()[1]), headers

    def answer(self, method="GET"):
        """The next answer, to a request of that method."""
        status, headers = self.head()
        none = method == "HEAD" or status in (101, 204, 304)
        return Answer(status, headers, b"" if none else self.take(int(headers["content-length"])))

    def ask(self, method, path, body=None, **headers):
        """Sends a request and waits for its answer; underscores in the names of headers are hyphens."""
        self.send(self.request(method, path, body, **headers))
        return self.answer(method)

    @staticmethod
    def request(method, path, body=None, **headers):
        body = body.encode() if isinstance(body, str) else body
        given = {"Host": "localhost"} | ({} if body is None else {"Content-Length": len(body)})
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value is not None)
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b"")

    def ended(self, seconds=WAIT):
        """Does the server close the connection in time, without another byte?"""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b"" and not self.got
        except ConnectionError:
            return True
        except TimeoutError:
            return False


def ask(port, method, path, body=None, secure=False, source=None, **headers):
    """One request on a connection of its own."""
    with Http(port, secure, source) as http:
        return http.ask(method, path, body, **headers)


def seconds_of(attempt):
    """How long attempt() takes, and what it gives."""
    begin = time.monotonic()
    result = attempt()
    return time.monotonic() - begin, result
