"""Clients in rooms (XEP-0045): enter, be told, ask."""
from collections import namedtuple

from bongsu.client import escape

MUC = "http://jabber.org/protocol/muc"
USER = f"{{{MUC}#user}}"
OWNER = f"{MUC}#owner"
ADMIN = f"{MUC}#admin"
FORM = "jabber:x:data"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
OCCUPANT_ID = "{urn:xmpp:occupant-id:0}occupant-id"
DELAY = "{urn:xmpp:delay}delay"

Entered = namedtuple("Entered", "others me history subject before")


class Refused(Exception):
    """The room did not let the client in; condition says why."""

    def __init__(self, answer):
        super().__init__(str(answer))
        self.condition = answer.condition


def codes(element):
    """The status codes in it, sorted."""
    return sorted(int(x.get("code")) for x in element.all(f"{USER}x/{USER}status"))


def item(element):
    """The attributes of its <item/>, or None."""
    found = element.find(f"{USER}x/{USER}item")
    return None if found is None else found.attrib


def nick(element):
    return element.get("from").partition("/")[2]


def ask_to_enter(client, room, name, x="", more=""):
    client.send(f"<presence to='{escape(room)}/{escape(name)}'><x xmlns='{MUC}'>{x}</x>{more}</presence>")


def enter(client, room, name, x="", more=""):
    """Enters and takes all that comes up to the subject. Refused if the room says no."""
    ask_to_enter(client, room, name, x, more)
    others, history, before, me = [], [], [], None
    while True:
        got = client.wait(lambda e: (e.get("from") or "").partition("/")[0] == room)
        if got.name == "presence" and got.get("type") == "error":
            raise Refused(got)
        if got.name == "presence" and me is None:
            if 110 in codes(got):
                me = got
            else:
                others.append(got)
        elif got.name == "message" and got.find("c:subject") is not None and got.find("c:body") is None:
            return Entered(others, me, history, got, before)
        elif got.name == "message" and me is not None:
            history.append(got)
        else:
            before.append(got)


def refusal(client, room, name, x="", more=""):
    """The condition with which the room refuses the client, None if it does not."""
    try:
        enter(client, room, name, x, more)
    except Refused as error:
        return error.condition
    return None


def instant(client, room):
    """Opens a room that is being made, with the configuration that it has."""
    answer = client.ask("set", f"<query xmlns='{OWNER}'><x xmlns='{FORM}' type='submit'/></query>", to=room)
    assert answer.get("type") == "result", answer


def form(fields, kind=f"{MUC}#roomconfig"):
    """A submitted form; a value may be a list."""
    out = f"<x xmlns='{FORM}' type='submit'><field var='FORM_TYPE' type='hidden'><value>{kind}</value></field>"
    for name, value in fields.items():
        values = value if isinstance(value, list) else [value]
        out += f"<field var='{name}'>" + "".join(f"<value>{escape(str(v))}</value>" for v in values) + "</field>"
    return out + "</x>"


def configure(client, room, **fields):
    """The owner's answer to a configuration with these fields (without muc#roomconfig_)."""
    named = {(k if "#" in k else f"muc#roomconfig_{k}"): v for k, v in fields.items()}
    return client.ask("set", f"<query xmlns='{OWNER}'>{form(named)}</query>", to=room)


def make(client, room, name, **fields):
    """Makes a room and configures it; the client is in it."""
    entered = enter(client, room, name)
    assert 201 in codes(entered.me), entered.me
    answer = configure(client, room, **fields) if fields else None
    if answer is None:
        instant(client, room)
    else:
        assert answer.get("type") == "result", answer
    return entered


def say(client, room, body, number="m1", more=""):
    """Sends a message and waits for its reflection."""
    client.send(f"<message to='{escape(room)}' type='groupchat' id='{number}'><body>{escape(body)}</body>{more}</message>")
    return client.wait(lambda e: e.name == "message" and e.get("id") == number)


def admin(client, room, *items):
    """Sets roles or affiliations: each item is a map of attributes, and `reason`."""
    inside = ""
    for one in items:
        reason = one.get("reason")
        attributes = "".join(f" {k}='{escape(v)}'" for k, v in one.items() if k != "reason")
        inside += f"<item{attributes}>" + (f"<reason>{escape(reason)}</reason>" if reason else "") + "</item>"
    return client.ask("set", f"<query xmlns='{ADMIN}'>{inside}</query>", to=room)


def listed(client, room, **what):
    """A list of affiliations or roles: the items' attributes, or the condition of a refusal."""
    (name, value), = what.items()
    answer = client.ask("get", f"<query xmlns='{ADMIN}'><item {name}='{value}'/></query>", to=room)
    if answer.condition:
        return answer.condition
    return [x.attrib for x in answer.all(f"{{{ADMIN}}}query/{{{ADMIN}}}item")]


def leave(client, room, name, status=""):
    """Leaves, and waits until the room says so."""
    inside = f"<status>{escape(status)}</status>" if status else ""
    client.send(f"<presence to='{escape(room)}/{escape(name)}' type='unavailable'>{inside}</presence>")
    return client.wait(lambda e: e.name == "presence" and e.get("type") == "unavailable" and 110 in codes(e)
                       and e.get("from").startswith(room + "/"))


def presence(client, room, name, kind=None, code=None):
    """Waits for presence of that nick: its type, and a status code in it."""
    return client.wait(lambda e: e.name == "presence" and e.get("from") == f"{room}/{name}" and e.get("type") == kind
                       and (code is None or code in codes(e)))
