"""Clients with capabilities (XEP-0115), and the requests and events of personal eventing (XEP-0163).

    alice = online(server, "alice", "phone", "urn:example:node")
    publish(alice, "urn:example:node", "<a xmlns='urn:example'/>", item="1")
    event(alice, "urn:example:node").get("id")
"""
import base64
import hashlib

from bongsu.client import Client, escape

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
CAPS = "http://jabber.org/protocol/caps"
PUBSUB = "http://jabber.org/protocol/pubsub"
OWNER = PUBSUB + "#owner"
EVENT = PUBSUB + "#event"
ERRORS = PUBSUB + "#errors"


def ver(identities, features):
    """The hash of XEP-0115 5.1, without forms."""
    text = "".join(f"{i}<" for i in sorted(identities)) + "".join(f"{f}<" for f in sorted(features))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


class Device(Client):
    """Wants the events of those nodes, and says so when it is asked; `asked` counts the questions.

    A silent device leaves questions in `came`.
    """

    def __init__(self, port, *wants, **how):
        super().__init__(port, **how)
        self.wants = [INFO, *(f"{node}+notify" for node in wants)]
        self.info = "<identity category='client' type='pc' name='t'/>" + "".join(
            f"<feature var='{escape(f)}'/>" for f in self.wants)
        self.ver = ver(["client/pc//t"], self.wants)
        self.asked = 0
        self.silent = False

    def caps(self):
        return f"<c xmlns='{CAPS}' hash='sha-1' node='http://example.org/t' ver='{self.ver}'/>"

    def read(self, until):
        more = super().read(until)
        for element in [e for e in self.came if is_question(e) and not self.silent]:
            self.came.remove(element)
            self.answer(element)
        return more

    def answer(self, question, info=None):
        self.asked += 1
        node = question.find(f"{{{INFO}}}query").get("node")
        self.send(f"<iq type='result' id='{question.get('id')}' to='{question.get('from')}'><query xmlns='{INFO}'"
                  + (f" node='{escape(node)}'" if node else "") + f">{info or self.info}</query></iq>")


def is_question(element):
    return element.name == "iq" and element.get("type") == "get" and element.find(f"{{{INFO}}}query") is not None


def device(server, user, resource, *wants, port="plain", host=None):
    """Logged in, not available yet."""
    client = Device(server.ports[port], *wants, host=host or server.host)
    client.open()
    return client.login(user, resource=resource)


def online(server, user, resource, *wants, **how):
    """Available, with its capabilities known to the server (or asked for: it answers while it waits)."""
    client = device(server, user, resource, *wants, **how)
    client.available(client.caps())
    return client


def form(form_type, **fields):
    """A submitted form; names are completed by pubsub#, lists become several values."""
    out = f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>{form_type}</value></field>"
    for name, value in fields.items():
        values = "".join(f"<value>{escape(v)}</value>" for v in ([value] if isinstance(value, str) else value))
        out += f"<field var='pubsub#{name}'>{values}</field>"
    return out + "</x>"


def pubsub(client, kind, inside, to=None, ns=PUBSUB):
    return client.ask(kind, f"<pubsub xmlns='{ns}'>{inside}</pubsub>", to=to)


def publish(client, node, payload, item=None, to=None, **options):
    """options: preconditions."""
    more = f"<publish-options>{form(PUBSUB + '#publish-options', **options)}</publish-options>" if options else ""
    name = f" id='{escape(item)}'" if item is not None else ""
    return pubsub(client, "set", f"<publish node='{escape(node)}'><item{name}>{payload}</item></publish>{more}", to)


PRIVATE = {"access_model": "whitelist", "max_items": "max", "persist_items": "true", "send_last_published_item": "never"}


def retract(client, node, item, notify="true"):
    return pubsub(client, "set", f"<retract node='{escape(node)}' notify='{notify}'><item id='{escape(item)}'/></retract>")


def configure(client, node, **fields):
    return pubsub(client, "set", f"<configure node='{escape(node)}'>{form(PUBSUB + '#node_config', **fields)}</configure>",
                  ns=OWNER)


def items(client, node, *names, to=None, more=""):
    """{id: payload's raw tag name} of the answer, in order; None for an error."""
    answer = get_items(client, node, *names, to=to, more=more)
    if answer.get("type") == "error":
        return None
    return {i.get("id"): i[0] for i in answer.all(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}items/{{{PUBSUB}}}item")}


def get_items(client, node, *names, to=None, more=""):
    inside = "".join(f"<item id='{escape(n)}'/>" for n in names)
    return pubsub(client, "get", f"<items node='{escape(node)}'{more}>{inside}</items>", to)


def event(client, node, what="items"):
    """Waits for an event of the node and returns its <item/>, <retract/> or the element itself."""
    path = f"{{{EVENT}}}event/{{{EVENT}}}{what}"

    def matches(e):
        x = e.find(path) if e.name == "message" else None
        return x is not None and x.get("node") == node
    message = client.wait(matches)
    inside = message.find(path)
    found = inside[0] if len(inside) else inside
    found.set("from", message.get("from"))
    found.set("delayed", "no" if message.find("{urn:xmpp:delay}delay") is None else "yes")
    return found


def events(client):
    """Nodes of the events that came and were not waited for."""
    found = (e.find(f"{{{EVENT}}}event") for e in client.came if e.name == "message")
    return [e[0].get("node") for e in found if e is not None]


def specific(answer):
    """The condition of pubsub#errors in an error, or None."""
    return next((x.tag.partition("}")[2] for x in answer.all("c:error/*") if x.tag.startswith(f"{{{ERRORS}}}")), None)


def befriend(server, one, other, host=None):
    """Both see each other's presence."""
    for a, b in ((one, other), (other, one)):
        done = server.ctl("add_rosteritem", a, host or server.host, b, host or server.host, b, "", "both")
        assert done.code == 0, done
