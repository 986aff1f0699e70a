"""Stream management (XEP-0198) for raw clients: counts what comes, so that tests can say h, right or wrong.

    alice = enable(server.login("alice", "phone"))
    alice.close()
    alice = resume(server, alice)
"""
from collections import deque

SM = "urn:xmpp:sm:3"
STANZAS = ("message", "presence", "iq")


class Counted(deque):
    """Elements that came; counts stanzas since <enabled/>."""

    def __init__(self, elements, count):
        super().__init__(elements)
        self.count = count

    def append(self, element):
        super().append(element)
        if element.name in STANZAS:
            self.count += 1
        elif element.name == "enabled":
            self.count = 0


def watch(client, count=0):
    client.parser.elements = Counted(client.came, count)
    return client


def received(client):
    """The number of stanzas that came since <enabled/>, over all connections: the client's h."""
    return client.came.count


def is_sm(name):
    return lambda e: e.ns == SM and e.name == name


def enable(client, resume="true", more=""):
    """Enables stream management; the answer is in client.enabled, the id in client.sm."""
    watch(client)
    client.send(f"<enable xmlns='{SM}'" + (f" resume='{resume}'" if resume else "") + f"{more}/>")
    client.enabled = client.wait(lambda e: e.ns == SM and e.name in ("enabled", "failed"))
    client.sm = client.enabled.get("id")
    return client


def ask(client):
    """Sends <r/>; the h of the answer."""
    client.send(f"<r xmlns='{SM}'/>")
    return int(client.wait(is_sm("a")).get("h"))


def ack(client, h=None):
    """Sends <a/>."""
    client.send(f"<a xmlns='{SM}' h='{received(client) if h is None else h}'/>")
    return client


def ready(server, user, password="secret", **how):
    """A client that has logged in and not bound a resource."""
    client = server.client(**how)
    assert client.authenticate(user, password).name == "success"
    client.open()
    return client


def ask_resume(client, previd, h):
    """Sends <resume/>; the answer."""
    client.send(f"<resume xmlns='{SM}' previd='{previd}' h='{h}'/>")
    return client.wait(lambda e: e.ns == SM and e.name in ("resumed", "failed"))


def resume(server, old, h=None, password="secret", **how):
    """A new connection for the session of `old`; the answer is in client.resumed."""
    h = received(old) if h is None else h
    client = watch(ready(server, old.bare.partition("@")[0], password, **how), h)
    client.resumed = ask_resume(client, old.sm, h)
    client.jid, client.sm = old.jid, old.sm
    return client
