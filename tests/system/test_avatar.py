#!/usr/bin/env python3
"""Avatars: published (XEP-0084) or in the vCard (XEP-0153), each becomes the other (XEP-0398), and presence names it.

Alice has an old client that knows vCards and a new one that publishes. Bob, a contact, and a stranger look at her. What is
not for everybody does not get into the vCard; what is not the picture that its name says is not believed.
"""
import base64
import hashlib

from bongsu import Server, check, run, wait_for
from bongsu.pep import PUBSUB, befriend, configure, device, event, items, online, publish, pubsub

DATA, METADATA, UPDATE = "urn:xmpp:avatar:data", "urn:xmpp:avatar:metadata", "vcard-temp:x:update"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(100))
OTHER = b"GIF89a" + b"x" * 50


def name(picture):
    return hashlib.sha1(picture).hexdigest()


def text(picture):
    return base64.b64encode(picture).decode()


def publish_avatar(client, picture, kind="image/png", called=None, more="", **options):
    options = options or {"access_model": "open"}
    called = called or name(picture)
    answer = publish(client, DATA, f"<data xmlns='{DATA}'>{text(picture)}</data>", called, **options)
    assert answer.get("type") == "result", answer
    answer = publish(client, METADATA, f"<metadata xmlns='{METADATA}'>{more}<info bytes='{len(picture)}' id='{called}' type='{kind}'/>"
                     "</metadata>", called, **options)
    assert answer.get("type") == "result", answer


def card(client, to=None):
    """FN, TYPE and picture of a vCard."""
    answer = client.ask("get", "<vCard xmlns='vcard-temp'/>", to=to)
    v = "{vcard-temp}"
    value = answer.text(f"{v}vCard/{v}PHOTO/{v}BINVAL")
    return (answer.text(f"{v}vCard/{v}FN"), answer.text(f"{v}vCard/{v}PHOTO/{v}TYPE"), value and base64.b64decode(value))


def set_card(client, picture=None, kind="<TYPE>image/png</TYPE>", fn="Alice", value=None):
    value = value or (text(picture) if picture else None)
    photo = f"<PHOTO>{kind}<BINVAL>{value}</BINVAL></PHOTO>" if value else ""
    answer = client.ask("set", f"<vCard xmlns='vcard-temp'><FN>{fn}</FN>{photo}</vCard>")
    assert answer.get("type") == "result", answer


def shown(client, picture, sender="alice@localhost/new", to=None):
    """Waits for presence with the name of the picture."""
    return client.wait(lambda e: e.name == "presence" and e.get("from") == sender and (to is None or e.get("to") == to)
                       and e.text(f"{{{UPDATE}}}x/{{{UPDATE}}}photo") == name(picture))


def published(client):
    found = items(client, METADATA)
    return {k: [dict(i.attrib) for i in v] for k, v in found.items()} if found else found


def from_pep(server, alice, bob, eve):
    answer = alice.ask("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>", to="alice@localhost")
    check("the conversion is a feature", "urn:xmpp:pep-vcard-conversion:0" in answer.raw, answer)
    set_card(alice)
    publish_avatar(alice, PNG)
    check("contacts are told of a new avatar", event(bob, METADATA).get("id") == name(PNG))
    check("and see it in presence", shown(bob, PNG))
    check("it is in the vCard", card(eve, "alice@localhost") == ("Alice", "image/png", PNG), card(eve, "alice@localhost")[:2])
    publish_avatar(alice, JPEG, "image/jpeg", more=f"<info bytes='9' id='{name(OTHER)}' type='image/gif' url='http://127.0.0.1/a'/>")
    shown(bob, JPEG)
    check("a new one replaces it, whatever is elsewhere", card(alice) == ("Alice", "image/jpeg", JPEG))
    check("the data can be read", text(JPEG) == items(eve, DATA, name(JPEG), to="alice@localhost")[name(JPEG)].text)


def presence(server, alice, bob):
    def sent(inside, to=None):
        alice.send(f"<presence{f' to={to!r}' if to else ''}><status>s</status>{inside}</presence>")
        return bob.wait("<status>s</status>")
    x = f"<x xmlns='{UPDATE}'>{{}}</x>"

    def photo(inside, to=None):
        got = sent(inside, to)
        check("there is one update", len(got.all(f"{{{UPDATE}}}x")) == 1, got)
        return got.text(f"{{{UPDATE}}}x/{{{UPDATE}}}photo")
    check("presence has the hash", photo("") == name(JPEG))
    check("an update without photo gets it", photo(x.format("")) == name(JPEG))
    check("another hash is replaced", photo(x.format(f"<photo>{name(OTHER)}</photo>")) == name(JPEG))
    check("the true one stays", photo(x.format(f"<photo>{name(JPEG)}</photo>")) == name(JPEG))
    check("who has no avatar yet is left alone", photo(x.format("<photo/>")) == "")
    check("directed presence has it too", photo("", bob.jid) == name(JPEG))
    got = sent("<c xmlns='urn:example'>1</c>")
    check("the rest is as it was", "<c xmlns='urn:example'>1</c>" in got.raw and got.get("from") == alice.jid, got)
    alice.send("<presence type='unavailable'/>")
    check("unavailable presence has none", UPDATE not in bob.wait("type='unavailable'").raw)
    alice.available(alice.caps())
    shown(bob, JPEG)


def from_card(server, alice, bob):
    event(alice, METADATA)
    set_card(alice, PNG, fn="Alice P")
    check("a photo in the vCard is published", event(bob, METADATA).get("id") == name(PNG))
    shown(bob, PNG)
    check("as it is", published(alice) == {name(PNG): [{"bytes": str(len(PNG)), "id": name(PNG), "type": "image/png"}]}, published(alice))
    check("with its data", [x.text for x in items(alice, DATA).values()] == [text(PNG)])
    check("and the vCard is as it was written", card(alice) == ("Alice P", "image/png", PNG))
    set_card(alice, OTHER, kind="", value="\n".join(text(OTHER)[i:i + 20] for i in range(0, 100, 20)))
    shown(bob, OTHER)
    check("lines and a missing type do no harm", published(alice)[name(OTHER)][0]["type"] == "image/gif", published(alice))
    set_card(alice, OTHER, kind="", fn="Alice Q")
    set_card(alice, JPEG, kind="<TYPE>image/jpeg</TYPE>", fn="Alice Q")
    names = [event(bob, METADATA).get("id") for _ in range(2)]
    check("the same photo is not published again", names == [name(OTHER), name(JPEG)], names)
    set_card(alice, value="!not base64!")
    event(bob, METADATA)
    check("what is no picture is no avatar", list(published(alice).values()) == [[]], published(alice))
    set_card(alice, PNG)
    check("and back", event(bob, METADATA).get("id") == name(PNG))
    shown(bob, PNG)
    set_card(alice)
    got = event(bob, METADATA)
    check("a vCard without photo ends it", len(got[0]) == 0, got.attrib)
    alice.send("<presence><status>none</status></presence>")
    check("also in presence", UPDATE not in bob.wait("<status>none</status>").raw)


def ended(server, alice, bob):
    publish_avatar(alice, PNG)
    event(bob, METADATA)
    shown(bob, PNG)
    publish(alice, METADATA, f"<metadata xmlns='{METADATA}'/>")
    event(bob, METADATA)
    wait_for("an avatar that is withdrawn leaves the vCard", lambda: card(alice) == ("Alice", None, None))


def not_believed(server, alice, bob):
    publish_avatar(alice, PNG)
    shown(bob, PNG)
    publish_avatar(alice, JPEG, called=name(OTHER))
    alice.sync()
    check("a picture of another name is not taken", card(alice)[2] == PNG)
    publish_avatar(alice, PNG)
    publish(alice, METADATA, f"<metadata xmlns='{METADATA}'><info bytes='1' id='{name(b'nowhere')}' type='image/png'/></metadata>", "x")
    alice.sync()
    check("nor one that is missing", card(alice)[2] == PNG)


def kept_private(server, alice, bob, eve):
    publish_avatar(alice, PNG)
    shown(bob, PNG)
    configure(alice, DATA, access_model="presence")
    configure(alice, METADATA, access_model="presence")
    publish_avatar(alice, JPEG, "image/jpeg", access_model="presence")
    wait_for("what is for contacts is not in the vCard", lambda: card(eve, "alice@localhost")[2] is None)
    check("strangers do not get it", items(eve, DATA, to="alice@localhost") is None)
    set_card(alice, OTHER)
    alice.sync()
    check("a photo in the vCard is not published over it", list(published(alice)) == [name(JPEG)], published(alice))
    check("but stays in the vCard", card(eve, "alice@localhost")[2] == OTHER)
    pubsub(alice, "set", f"<delete node='{DATA}'/>", ns=PUBSUB + "#owner")
    pubsub(alice, "set", f"<delete node='{METADATA}'/>", ns=PUBSUB + "#owner")


def restart(server, alice):
    publish_avatar(alice, PNG)
    shown(alice, PNG)
    alice.close()
    server.restart()
    alice = device(server, "alice", "new")
    alice.send("<presence/>")
    check("a restart forgets nothing", shown(alice, PNG) and card(alice)[2] == PNG)
    return alice


def all_of_it():
    with Server() as server:
        server.register("alice", "bob", "eve")
        befriend(server, "alice", "bob")
        bob, eve = online(server, "bob", "b", METADATA), device(server, "eve", "e")
        alice = online(server, "alice", "new", METADATA)
        bob.wait("from='alice@localhost/new'")
        from_pep(server, alice, bob, eve)
        presence(server, alice, bob)
        event(bob, METADATA)
        from_card(server, alice, bob)
        ended(server, alice, bob)
        not_believed(server, alice, bob)
        kept_private(server, alice, bob, eve)
        restart(server, alice)
        server.stop()


run(all_of_it)
