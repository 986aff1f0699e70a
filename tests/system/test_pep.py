#!/usr/bin/env python3
# timeout: 900
"""Personal eventing (XEP-0163, XEP-0060): alice publishes, and her devices, contacts and strangers see what they may.

Nodes are made, configured, filled, read, emptied and deleted; whoever may not is told so with the error that XEP-0060
names; who asked for events by its capabilities gets them, and the newest items when it comes online. A node with ten
thousand items costs as much as one with ten. All of it is there after a restart.
"""
import re
import os
import sqlite3

from bongsu import Server, check, run
from bongsu.pep import (EVENT, INFO, ITEMS, OWNER, PRIVATE, PUBSUB, befriend, configure, device, event, events, form, get_items,
                        items, online, publish, pubsub, retract, specific)

TUNE, MOOD, NEVER = "http://jabber.org/protocol/tune", "urn:example:mood", "urn:example:never"
X = "<a xmlns='urn:example'>{}</a>"


def is_error(what, answer, condition, extra=None):
    check(what, answer.condition == condition and specific(answer) == extra, answer)


def texts(found):
    return {name: x.text for name, x in found.items()} if found is not None else None


def nodes(alice):
    answer = publish(alice, TUNE, X.format(1), "a")
    check("publishing makes the node", answer.get("type") == "result" and f"<publish node='{TUNE}'><item id='a'/>" in answer.raw,
          answer)
    check("the item is there", texts(items(alice, TUNE)) == {"a": "1"})
    publish(alice, TUNE, X.format(2), "b")
    check("a node holds one item by default", texts(items(alice, TUNE)) == {"b": "2"})
    answer = publish(alice, TUNE, X.format(3))
    name = answer.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}publish/{{{PUBSUB}}}item").get("id")
    check("an item without a name gets one", texts(items(alice, TUNE)) == {name: "3"}, answer)
    check("no such item is no error", items(alice, TUNE, "nothing") == {})
    is_error("no such node is", get_items(alice, "urn:example:nothing"), "item-not-found")
    is_error("an item is needed", pubsub(alice, "set", f"<publish node='{TUNE}'/>"), "bad-request", "item-required")
    is_error("a payload is needed", publish(alice, TUNE, ""), "bad-request", "payload-required")
    is_error("only one", publish(alice, TUNE, X.format(1) * 2), "bad-request", "invalid-payload")
    is_error("one item at a time", pubsub(alice, "set", f"<publish node='{TUNE}'>" + f"<item>{X}</item>" * 2 + "</publish>"),
             "bad-request", "invalid-payload")
    is_error("a node is needed", pubsub(alice, "set", f"<publish><item>{X}</item></publish>"), "bad-request", "nodeid-required")
    is_error("an item may be too big", publish(alice, TUNE, X.format("x" * 70000)), "not-acceptable", "payload-too-big")
    is_error("a name too", publish(alice, "n" * 1100, X), "bad-request", "nodeid-required")
    is_error("what nobody knows is refused", pubsub(alice, "set", "<invent/>"), "bad-request")


def retraction(alice):
    publish(alice, MOOD, X.format(1), "a", max_items="3")
    publish(alice, MOOD, X.format(2), "b")
    publish(alice, MOOD, X.format(3), "c")
    publish(alice, MOOD, X.format(4), "a")
    check("an item that comes again is the newest", list(texts(items(alice, MOOD)).items()) == [("b", "2"), ("c", "3"), ("a", "4")])
    check("the newest two", list(items(alice, MOOD, more=" max_items='2'")) == ["c", "a"])
    check("two by name", texts(items(alice, MOOD, "c", "b")) == {"c": "3", "b": "2"})
    publish(alice, MOOD, X.format(5), "d")
    check("the oldest goes", list(items(alice, MOOD)) == ["c", "a", "d"])
    check("an item is retracted", retract(alice, MOOD, "a").get("type") == "result" and list(items(alice, MOOD)) == ["c", "d"])
    is_error("but once", retract(alice, MOOD, "a"), "item-not-found")
    is_error("a name is needed", pubsub(alice, "set", f"<retract node='{MOOD}'><item/></retract>"), "bad-request", "item-required")
    is_error("and a node", pubsub(alice, "set", "<retract><item id='a'/></retract>"), "bad-request", "nodeid-required")
    is_error("that is there", retract(alice, "urn:example:nothing", "a"), "item-not-found")
    publish(alice, MOOD, X.format(6), "e")
    check("what was retracted does not count", list(items(alice, MOOD)) == ["c", "d", "e"])
    answer = pubsub(alice, "set", f"<purge node='{MOOD}'/>", ns=OWNER)
    check("all are purged", answer.get("type") == "result" and items(alice, MOOD) == {})
    publish(alice, MOOD, X.format(7), "f")
    check("and new ones come", list(items(alice, MOOD)) == ["f"])
    answer = pubsub(alice, "set", f"<delete node='{MOOD}'/>", ns=OWNER)
    check("the node is deleted", answer.get("type") == "result" and items(alice, MOOD) is None)
    is_error("but once", pubsub(alice, "set", f"<delete node='{MOOD}'/>", ns=OWNER), "item-not-found")
    is_error("a name is needed to delete", pubsub(alice, "set", "<delete/>", ns=OWNER), "bad-request", "nodeid-required")


def config_of(alice, node):
    answer = pubsub(alice, "get", f"<configure node='{node}'/>", ns=OWNER)
    return {f.get("var")[7:]: [v.text for v in f.findall("{jabber:x:data}value")] for f in answer.all(".//{jabber:x:data}field")
            if f.get("var").startswith("pubsub#")}


def configuration(alice):
    answer = pubsub(alice, "get", "<default/>", ns=OWNER)
    check("the default is told", "<option><value>whitelist</value></option>" in answer.raw, answer)
    node = "urn:example:configured"
    answer = pubsub(alice, "set", f"<create node='{node}'/><configure>" + form(
        PUBSUB + "#node_config", access_model="whitelist", max_items="max", title="A & B") + "</configure>")
    got = config_of(alice, node)
    check("a node is made as it is wanted", answer.get("type") == "result" and got["access_model"] == ["whitelist"]
          and got["max_items"] == ["10000"] and got["title"] == ["A & B"] and got["persist_items"] == ["true"], (answer, got))
    is_error("there is one already", pubsub(alice, "set", f"<create node='{node}'/>"), "conflict")
    answer = pubsub(alice, "set", "<create/>")
    name = answer.find(f"{{{PUBSUB}}}pubsub/{{{PUBSUB}}}create").get("node")
    check("a node without a name gets one", items(alice, name) == {}, answer)
    is_error("an access model that is not there", pubsub(alice, "set", "<create node='x'/><configure>" + form(
        PUBSUB + "#node_config", access_model="authorize") + "</configure>"), "not-acceptable", "unsupported-access-model")
    check("nothing was made then", items(alice, "x") is None)
    for i in range(5):
        publish(alice, node, X.format(i), str(i))
    answer = configure(alice, node, max_items="2", access_model="open", roster_groups_allowed=["Friends", "A, B"])
    got = config_of(alice, node)
    check("it is configured", answer.get("type") == "result" and got["max_items"] == ["2"] and got["access_model"] == ["open"]
          and got["roster_groups_allowed"] == ["Friends", "A, B"] and got["title"] == ["A & B"], (answer, got))
    check("what is too much goes", list(items(alice, node)) == ["3", "4"])
    is_error("a wrong value is refused", configure(alice, node, max_items="many"), "not-acceptable")
    is_error("too many items are refused", configure(alice, node, max_items="10001"), "not-acceptable")
    check("nothing changed then", config_of(alice, node) == got)
    answer = pubsub(alice, "set", f"<configure node='{node}'><x xmlns='jabber:x:data' type='cancel'/></configure>", ns=OWNER)
    check("a form may be cancelled", answer.get("type") == "result" and config_of(alice, node) == got)
    is_error("a form is needed", pubsub(alice, "set", f"<configure node='{node}'/>", ns=OWNER), "bad-request")


def preconditions(alice):
    node = "urn:example:options"
    check("options make the node", publish(alice, node, X, "1", **PRIVATE).get("type") == "result"
          and config_of(alice, node)["access_model"] == ["whitelist"])
    check("which meets them", publish(alice, node, X, "2", **PRIVATE).get("type") == "result")
    is_error("and no others", publish(alice, node, X, "3", access_model="open"), "conflict", "precondition-not-met")
    is_error("unknown ones are never met", publish(alice, node, X, "3", invented="1"), "conflict", "precondition-not-met")
    check("nothing was published then", list(items(alice, node)) == ["1", "2"])
    is_error("unknown ones make no node", publish(alice, "y", X, "3", invented="1"), "conflict", "precondition-not-met")
    check("indeed", items(alice, "y") is None)
    is_error("options are of their type", pubsub(alice, "set", f"<publish node='{node}'><item>{X}</item></publish><publish-options>"
                                                 + form("urn:other") + "</publish-options>"), "bad-request")


def access(server, alice, bob, eve):
    server.ctl("add_rosteritem", "alice", "localhost", "bob", "localhost", "bob", "Friends", "both")
    for model in ("open", "presence", "roster", "whitelist"):
        more = {"roster_groups_allowed": "Friends"} if model == "roster" else {}
        pubsub(alice, "set", f"<create node='n:{model}'/><configure>" + form(PUBSUB + "#node_config", access_model=model, **more)
               + "</configure>")
        publish(alice, f"n:{model}", X.format(model), "1")

    def reads(who, model):
        return items(who, f"n:{model}", to="alice@localhost") is not None
    check("a contact reads", [reads(bob, m) for m in ("open", "presence", "roster", "whitelist")] == [True, True, True, False])
    check("a stranger reads", [reads(eve, m) for m in ("open", "presence", "roster", "whitelist")] == [True, False, False, False])
    is_error("a contact is told of a closed node", get_items(bob, "n:whitelist", to="alice@localhost"), "not-allowed", "closed-node")
    is_error("a stranger is told to subscribe", get_items(eve, "n:presence", to="alice@localhost"), "not-authorized",
             "presence-subscription-required")
    hidden = [re.sub("id='[^']*'|alice|nobody|nothing|whitelist", "", get_items(eve, node, to=f"{who}@localhost").raw)
              for who, node in (("alice", "n:whitelist"), ("alice", "n:nothing"), ("nobody", "n:nothing"))]
    check("to a stranger closed, missing and nobody's nodes look alike", len(set(hidden)) == 1, hidden)
    configure(alice, "n:roster", roster_groups_allowed="Family")
    is_error("a contact is told of groups", get_items(bob, "n:roster", to="alice@localhost"), "not-authorized", "not-in-roster-group")
    is_error("others do not publish", publish(bob, "n:open", X, to="alice@localhost"), "forbidden")
    is_error("nor own", pubsub(bob, "set", "<delete node='n:open'/>", to="alice@localhost", ns=OWNER), "forbidden")
    is_error("strangers even less", publish(eve, "n:open", X, to="alice@localhost"), "service-unavailable")
    answer = pubsub(bob, "set", "<subscribe node='n:open' jid='bob@localhost'/>", to="alice@localhost")
    is_error("nobody subscribes", answer, "feature-not-implemented", "unsupported")
    check("and the feature is named", answer.find(".//{http://jabber.org/protocol/pubsub#errors}unsupported").get("feature") ==
          "subscribe", answer)
    is_error("so nobody unsubscribes", pubsub(bob, "set", "<unsubscribe node='n:open' jid='bob@localhost'/>", to="alice@localhost"),
             "unexpected-request", "not-subscribed")
    check("and there are no subscriptions", "<subscriptions/>" in pubsub(bob, "get", "<subscriptions/>", to="alice@localhost").raw)


def members(alice, bob, eve):
    def set_members(*pairs):
        inside = "".join(f"<affiliation jid='{jid}' affiliation='{what}'/>" for jid, what in pairs)
        return pubsub(alice, "set", f"<affiliations node='n:whitelist'>{inside}</affiliations>", ns=OWNER)
    check("members are made", set_members(("eve@localhost", "member"), ("bob@localhost", "member")).get("type") == "result")
    check("they read", all(items(who, "n:whitelist", to="alice@localhost") is not None for who in (bob, eve)))
    check("one goes", set_members(("bob@localhost", "none")).get("type") == "result"
          and items(bob, "n:whitelist", to="alice@localhost") is None)
    answer = pubsub(alice, "get", "<affiliations node='n:whitelist'/>", ns=OWNER)
    check("they are told", [(a.get("jid"), a.get("affiliation")) for a in answer.all(f".//{{{OWNER}}}affiliation")]
          == [("alice@localhost", "owner"), ("eve@localhost", "member")], answer)
    is_error("others own nothing", set_members(("bob@localhost", "owner")), "not-acceptable")
    is_error("addresses are addresses", set_members(("@", "member")), "bad-request")
    answer = pubsub(alice, "get", "<affiliations node='n:open'/>")
    check("the owner's affiliations", "<affiliation node='n:open' affiliation='owner'/>" in answer.raw, answer)


def discovery(alice, bob, eve):
    answer = alice.ask("get", f"<query xmlns='{INFO}'/>", to="alice@localhost")
    check("an account has personal eventing", "<identity category='pubsub' type='pep'/>" in answer.raw
          and all(f"'{PUBSUB}#{f}'" in answer.raw for f in ("publish-options", "persistent-items", "config-node-max")), answer)

    def listed(who):
        answer = who.ask("get", f"<query xmlns='{ITEMS}'/>", to="alice@localhost")
        return {i.get("node") for i in answer.all(f".//{{{ITEMS}}}item")}
    check("the owner sees all nodes", {"n:open", "n:presence", "n:roster", "n:whitelist", TUNE} <= listed(alice), listed(alice))
    check("a contact those that it reads", {"n:open", "n:presence", TUNE} <= listed(bob)
          and not {"n:whitelist", "n:roster"} & listed(bob), listed(bob))
    check("a stranger none", listed(eve) == set(), listed(eve))
    answer = bob.ask("get", f"<query xmlns='{INFO}' node='n:open'/>", to="alice@localhost")
    check("a node says what it is", "<identity category='pubsub' type='leaf'/>" in answer.raw and "pubsub#meta-data" in answer.raw,
          answer)
    answer = bob.ask("get", f"<query xmlns='{INFO}' node='n:whitelist'/>", to="alice@localhost")
    check("to those who may read it", answer.condition == "item-not-found", answer)


def live(server, alice):
    phone = online(server, "alice", "phone", TUNE, MOOD, NEVER)
    deaf = online(server, "alice", "deaf")
    bob = online(server, "bob", "desk", TUNE, MOOD, "n:whitelist", "end")
    eve = online(server, "eve", "e", TUNE, MOOD, "n:open")
    event(phone, TUNE)
    event(bob, TUNE)
    publish(phone, MOOD, X.format("good"), "1")
    check("the publishing device is told", event(phone, MOOD).find("{urn:example}a").text == "good")
    got = event(bob, MOOD)
    check("a contact is told", (got.get("id"), got.get("from"), got.get("delayed")) == ("1", "alice@localhost", "no"), got.attrib)
    publish(phone, MOOD, X.format("better"), "1")
    event(phone, MOOD)
    event(bob, MOOD)
    retract(phone, MOOD, "1")
    check("of a retraction too", event(bob, MOOD).tag == f"{{{EVENT}}}retract" and event(phone, MOOD).get("id") == "1")
    configure(phone, MOOD, notify_config="true")
    check("of a configuration", event(bob, MOOD, "configuration") is not None and event(phone, MOOD, "configuration") is not None)
    pubsub(phone, "set", f"<purge node='{MOOD}'/>", ns=OWNER)
    check("of a purge", event(bob, MOOD, "purge") is not None and event(phone, MOOD, "purge") is not None)
    pubsub(phone, "set", f"<delete node='{MOOD}'/>", ns=OWNER)
    check("of a deletion", event(bob, MOOD, "delete") is not None and event(phone, MOOD, "delete") is not None)
    publish(phone, MOOD, X.format("secret"), "1", access_model="whitelist")
    event(phone, MOOD)
    publish(alice, "n:whitelist", X.format("secret"), "2")
    publish(alice, "n:open", X.format("open"), "2")
    publish(alice, "end", X)
    event(bob, "end")
    check("a contact is told what it may know and asked for", events(bob) == [], events(bob))
    eve.sync()
    deaf.sync()
    check("a stranger nothing", events(eve) == [], events(eve))
    check("nor who did not ask", events(deaf) == [], events(deaf))
    pubsub(phone, "set", f"<delete node='{MOOD}'/>", ns=OWNER)
    for client in (phone, deaf, bob, eve):
        client.close()


def coming_online(server, alice):
    publish(alice, MOOD, X.format("good"), "m")
    publish(alice, NEVER, X.format(1), "n", send_last_published_item="never")
    publish(alice, "urn:example:large", X.format("x" * 5000), "l")
    publish(alice, "end", X, "e")
    bob = online(server, "bob", "late", MOOD, NEVER, "urn:example:large", "urn:example:private", "end")
    got = event(bob, MOOD)
    check("who comes online gets the newest item", (got.get("id"), got.get("delayed"), got[0].text) == ("m", "yes", "good"), got.attrib)
    check("a large one too", len(event(bob, "urn:example:large")[0].text) == 5000)
    event(bob, "end")
    check("but none that is never sent", events(bob) == [], events(bob))
    bob.available(bob.caps() + "<status>again</status>")
    publish(alice, "end", X, "e")
    event(bob, "end")
    check("and not again with the next presence", events(bob) == [], events(bob))
    bob.send("<presence type='unavailable'/>")
    bob.sync()
    bob.available(bob.caps())
    check("but when it comes again", event(bob, MOOD).get("id") == "m")
    own = online(server, "alice", "second", MOOD)
    check("the own devices too", event(own, MOOD).get("id") == "m")
    for client in (bob, own):
        client.close()


def new_contact(server, alice):
    publish(alice, "urn:example:on-sub", X, "s", send_last_published_item="on_sub")
    carol = online(server, "carol", "c", MOOD, "urn:example:on-sub")
    carol.sync()
    carol.send("<presence to='alice@localhost' type='subscribe'/>")
    alice.available()
    alice.wait("type='subscribe'")
    alice.send("<presence to='carol@localhost' type='subscribed'/>")
    check("who may see the presence gets the newest items", event(carol, MOOD).get("id") == "m")
    check("also those that are sent only then", event(carol, "urn:example:on-sub").get("id") == "s")
    second = online(server, "carol", "second", MOOD, "urn:example:on-sub")
    event(second, MOOD)
    publish(alice, MOOD, X.format("good"), "m")
    event(second, MOOD)
    event(carol, MOOD)
    check("and not whenever one comes online", events(second) == [], events(second))
    second.close()
    alice.send("<presence to='carol@localhost' type='unsubscribed'/>")
    carol.wait("type='unavailable'")
    is_error("who may no longer reads nothing", get_items(carol, MOOD, to="alice@localhost"), "not-authorized",
             "presence-subscription-required")
    publish(alice, MOOD, X.format("sad"), "m")
    carol.sync()
    check("and is not told", events(carol) == [], events(carol))
    carol.close()


def blocked(server, alice):
    bob = online(server, "bob", "blocked", MOOD, "end")
    event(bob, MOOD)
    bob.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='alice@localhost'/></block>")
    publish(alice, MOOD, X.format("x"), "m")
    alice.sync()
    bob.ask("set", "<unblock xmlns='urn:xmpp:blocking'><item jid='alice@localhost'/></unblock>")
    publish(alice, "end", X, "e")
    event(bob, "end")
    check("who blocks a contact gets no events of it", MOOD not in events(bob), events(bob))
    alice.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='bob@localhost'/></block>")
    publish(alice, MOOD, X.format("y"), "m")
    alice.available("<status>hidden</status>")
    late = online(server, "bob", "blocked-late", MOOD)
    late.sync()
    alice.ask("set", "<unblock xmlns='urn:xmpp:blocking'><item jid='bob@localhost'/></unblock>")
    publish(alice, "end", X, "e")
    event(bob, "end")
    check("nor does who is blocked", MOOD not in events(bob) + events(late), (events(bob), events(late)))
    seen = [e for e in bob.came if e.name == "presence" and "hidden" in e.raw]
    check("who sees presence only afterwards", len(seen) == 1, seen)
    late.close()
    bob.close()


def profiles(alice, bob, eve):
    """What clients publish for others: nicknames, and keys that strangers read too."""
    nick = "http://jabber.org/protocol/nick"
    publish(alice, nick, f"<nick xmlns='{nick}'>Al</nick>")
    check("a contact reads the nickname", [x.text for x in items(bob, nick, to="alice@localhost").values()] == ["Al"])
    devices, bundles = "urn:xmpp:omemo:2:devices", "urn:xmpp:omemo:2:bundles"
    answer = publish(alice, devices, "<devices xmlns='urn:xmpp:omemo:2'><device id='7'/><device id='9'/></devices>", "current",
                     access_model="open")
    check("a list of devices is published", answer.get("type") == "result", answer)
    for name in ("7", "9"):
        publish(alice, bundles, f"<bundle xmlns='urn:xmpp:omemo:2'><spk id='{name}'>AA==</spk></bundle>", name, access_model="open",
                max_items="max")
    check("a stranger reads it", len(items(eve, devices, to="alice@localhost")["current"]) == 2)
    check("and one bundle", items(eve, bundles, "9", to="alice@localhost")["9"][0].get("id") == "9")
    check("and all", list(items(eve, bundles, to="alice@localhost")) == ["7", "9"])
    legacy = "eu.siacs.conversations.axolotl.bundles:7"
    publish(alice, legacy, "<bundle xmlns='eu.siacs.conversations.axolotl'/>", "current", access_model="open")
    check("and the older kind", list(items(eve, legacy, to="alice@localhost")) == ["current"])


def pages(alice):
    node, rsm = "urn:example:pages", "http://jabber.org/protocol/rsm"
    for i in range(10):
        publish(alice, node, X.format(i), f"i{i}", **PRIVATE)

    def page(**how):
        """Names of the items, first, last and count."""
        inside = "".join(f"<{k}>{v}</{k}>" if v is not None else f"<{k}/>" for k, v in how.items())
        answer = pubsub(alice, "get", f"<items node='{node}'/><set xmlns='{rsm}'>{inside}</set>")
        if answer.get("type") == "error":
            return answer.condition
        found = [i.get("id")[1:] for i in answer.all(f".//{{{PUBSUB}}}item")]
        return "".join(found), *(answer.text(f".//{{{rsm}}}{k}") for k in ("first", "last", "count"))
    for what, got, wanted in (
            ("the first page is of the oldest", page(max=3), ("012", "i0", "i2", "10")),
            ("the next", page(max=3, after="i2"), ("345", "i3", "i5", "10")),
            ("the last", page(max=3, before=None), ("789", "i7", "i9", "10")),
            ("the one before", page(max=3, before="i7"), ("456", "i4", "i6", "10")),
            ("the end", page(max=3, after="i8"), ("9", "i9", "i9", "10")),
            ("nothing behind it", page(max=3, after="i9"), ("", None, None, "10")),
            ("nothing before the first", page(max=3, before="i0"), ("", None, None, "10")),
            ("only the count", page(max=0), ("", None, None, "10")),
            ("no such item", page(max=3, after="nothing"), "item-not-found"),
            ("no number", page(max="many"), "bad-request")):
        check(f"pages: {what}", got == wanted, got)


def transient(alice):
    answer = publish(alice, "urn:example:transient", X, "1", persist_items="false")
    check("a node may keep nothing", answer.get("type") == "result" and items(alice, "urn:example:transient") == {}, answer)


def limits(server, alice):
    for i in range(60):
        answer = publish(alice, f"many:{i}", X, "1")
        if answer.get("type") == "error":
            break
    is_error("an account has so many nodes", answer, "policy-violation", "max-nodes-exceeded")
    check("which was refused is not there", items(alice, f"many:{i}") is None)
    for k in range(i):
        pubsub(alice, "set", f"<delete node='many:{k}'/>", ns=OWNER)
    check("they can be made again", publish(alice, "many:0", X, "1").get("type") == "result")
    check("names are bounded in a question", get_items(alice, TUNE, *map(str, range(257))).condition == "not-acceptable")
    server.ctl("unregister", "carol", "localhost")
    server.register("carol")




def reads(server):
    """Of MariaDB: rows that statements look at in the node of ten thousand, by the counters of the session."""
    number = server.sql("SELECT number FROM pep_node WHERE owner = 'alice@localhost' AND node = 'urn:example:large-node'")[0][0]
    at = f"FROM pep_item WHERE owner = 'alice@localhost' AND number = {number}"
    by_name = f"{at} AND item_key = UNHEX(SHA2('5000', 256))"
    trim = (f"DELETE {at} AND id <= (SELECT 9223372036854775807 FROM pep_node WHERE owner = 'alice@localhost' AND number = {number} "
            "AND items > {}) ORDER BY owner, number, id LIMIT 1")
    counters = "SHOW SESSION STATUS LIKE 'Handler_read%';"
    for what, statement in (("an item by name", f"SELECT id {by_name}"), ("whether it is there", f"SELECT COUNT(*) {by_name}"),
                            ("the newest", f"SELECT id {at} ORDER BY id DESC LIMIT 1"),
                            ("the oldest, to be deleted", trim.format(9999)), ("that none is to be deleted", trim.format(10000)),
                            ("one to be deleted", f"DELETE {by_name}")):
        rows = [r for r in server.sql(f"BEGIN; {counters} {statement}; {counters} ROLLBACK;") if r[0].startswith("Handler_read")]
        half = len(rows) // 2
        read = sum(int(r[1]) for r in rows[half:]) - sum(int(r[1]) for r in rows[:half])
        check(f"{what} of ten thousand is found by a few reads", 0 < read < 50, rows)


def plans(server):
    """No statement reads more than it needs, by the database's own word."""
    database = server.data / "bongsu.sqlite"
    if not database.exists():
        reads(server)
        return
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    for what, sql in (
            ("an item by name", "SELECT item, payload FROM pep_item WHERE owner = ? AND number = ? AND item = ?"),
            ("the newest", "SELECT id, item, payload FROM pep_item WHERE owner = ? AND number = ? AND id < ? ORDER BY id DESC LIMIT 1"),
            ("the oldest", "SELECT MIN(id) FROM pep_item WHERE owner = ? AND number = ?"),
            ("the nodes of an account", "SELECT i.payload FROM pep_node n LEFT JOIN pep_item i ON i.owner = n.owner AND "
             "i.number = n.number AND i.id = n.newest WHERE n.owner = ?")):
        plan = [row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql, ["a", 1, 1][:sql.count("?")])]
        check(f"{what} is found by an index", all(p.startswith("SEARCH") for p in plan), plan)
    db.close()


def cost(server, alice, node):
    """Processor time of the server for 300 items that are published again, and 300 that are read; of SQLite's work too."""
    if "mariadb" in os.environ.get("BONGSU_STORE", ""):
        return 0  # see reads()
    before = server.cpu()
    for i in range(300):
        alice.send(f"<iq type='set' id='c{i}'><pubsub xmlns='{PUBSUB}'><publish node='{node}'><item id='7'>{X.format(i)}</item>"
                   f"</publish></pubsub></iq><iq type='get' id='d{i}'><pubsub xmlns='{PUBSUB}'><items node='{node}'><item id='7'/>"
                   "</items></pubsub></iq>")
    alice.wait("id='d299'", 120)
    alice.take()
    return server.cpu() - before


def ten_thousand(server, alice):
    """Fills a node to its bound without waiting for each answer, then looks at one item."""
    node, small = "urn:example:large-node", "urn:example:small-node"
    publish(alice, node, X.format(0), "0", **PRIVATE)
    publish(alice, small, X.format(0), "0", **PRIVATE)
    for i in range(1, 10000):
        alice.send(f"<iq type='set' id='f{i}'><pubsub xmlns='{PUBSUB}'><publish node='{node}'><item id='{i}'>{X.format(i)}</item>"
                   "</publish></pubsub></iq>")
        if i % 500 == 0 or i == 9999:
            alice.wait(f"id='f{i}'", 120)
            alice.take()
    few, many = (min(costs) for costs in zip(*((cost(server, alice, small), cost(server, alice, node)) for _ in range(3))))
    check("which are as fast as a few", many < 3 * few + 0.05, (few, many))
    publish(alice, node, X.format(7), "7")
    check("one of ten thousand", texts(items(alice, node, "5000")) == {"5000": "5000"})
    check("the newest of ten thousand", list(items(alice, node, more=" max_items='1'")) == ["7"])
    order = [str(i) for i in range(10000) if i != 7] + ["7"]
    check("all of them, in order", list(items(alice, node)) == order)
    publish(alice, node, X.format("new"), "10000")
    names = list(items(alice, node))
    check("one more lets the oldest go", names[0] == "1" and names[-1] == "10000" and len(names) == 10000, (len(names), names[:2]))
    publish(alice, node, X.format("again"), "1")
    names = list(items(alice, node))
    check("the same again lets none go", names[0] == "2" and names[-1] == "1" and len(names) == 10000, (len(names), names[:2]))


def restart(server):
    alice = device(server, "alice", "before")
    names = (TUNE, MOOD, "n:whitelist", "n:roster")
    before = [(texts(items(alice, n)), config_of(alice, n)) for n in names]
    members_before = pubsub(alice, "get", "<affiliations node='n:whitelist'/>", ns=OWNER).raw.partition(">")[2]
    server.restart()
    alice = device(server, "alice", "after")
    check("a restart changes nothing", [(texts(items(alice, n)), config_of(alice, n)) for n in names] == before, before)
    check("no member is forgotten",
          pubsub(alice, "get", "<affiliations node='n:whitelist'/>", ns=OWNER).raw.partition(">")[2] == members_before)
    names = list(items(alice, "urn:example:large-node"))
    check("ten thousand items are there", len(names) == 10000 and names[-1] == "1", len(names))
    publish(alice, "urn:example:large-node", X, "last")
    names = list(items(alice, "urn:example:large-node"))
    check("the count goes on", len(names) == 10000 and names[-2:] == ["1", "last"], (len(names), names[-2:]))
    check("the newest too", event(online(server, "alice", "third", MOOD), MOOD).get("id") == "m")


def deletion(server):
    alice = device(server, "alice", "gone")
    alice.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to="localhost")
    server.ctl("unregister", "alice", "localhost")
    server.register("alice")
    alice = device(server, "alice", "new")
    check("who is deleted leaves nothing", items(alice, TUNE) is None and items(alice, "urn:example:large-node") is None)
    publish(alice, TUNE, X.format("new"), "1")
    check("and begins anew", texts(items(alice, TUNE)) == {"1": "new"})


def all_of_it():
    with Server(c2s={"stanzas_per_second": 0}, modules={"pep": {"max_item": "64k", "max_nodes": 50}}) as server:
        server.register("alice", "bob", "carol", "eve")
        befriend(server, "alice", "bob")
        alice, bob, eve = (device(server, name, "first") for name in ("alice", "bob", "eve"))
        nodes(alice)
        retraction(alice)
        configuration(alice)
        preconditions(alice)
        access(server, alice, bob, eve)
        members(alice, bob, eve)
        discovery(alice, bob, eve)
        live(server, alice)
        coming_online(server, alice)
        new_contact(server, alice)
        blocked(server, alice)
        profiles(alice, bob, eve)
        pages(alice)
        transient(alice)
        limits(server, alice)
        ten_thousand(server, alice)
        plans(server)
        restart(server)
        deletion(server)
        server.stop()


run(all_of_it)
