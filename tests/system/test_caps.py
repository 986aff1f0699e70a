#!/usr/bin/env python3
"""Entity capabilities (XEP-0115), both ways.

The server says in its stream features what it is, by a hash that is true (also of the contact addresses of XEP-0157), and
answers who asks for it by that hash. And it asks clients what they are: each kind once, believing only what has the
hash, so that nobody can speak for another's program; a client that lies, or is silent, holds nobody up.
"""
import base64
import hashlib

from bongsu import Server, check, run
from bongsu.pep import CAPS, INFO, device, event, events, is_question, online, publish, ver

DATA = "{jabber:x:data}"
ADDRESSES = {"abuse_addresses": ["mailto:abuse@example.org", "xmpp:abuse@example.org"], "status_addresses": ["https://status.example.org"]}
NODE = "urn:example:node"
X = "<a xmlns='urn:example'>{}</a>"


def text_of(query):
    """The string of XEP-0115 5.1, written anew."""
    identities = sorted("/".join((i.get("category"), i.get("type"), "", i.get("name") or "")) for i in query.findall(f"{{{INFO}}}identity"))
    features = sorted(f.get("var") for f in query.findall(f"{{{INFO}}}feature"))
    forms = []
    for x in query.findall(f"{DATA}x"):
        fields = {f.get("var"): sorted(v.text for v in f.findall(f"{DATA}value")) for f in x.findall(f"{DATA}field")}
        forms.append((fields.pop("FORM_TYPE")[0], sorted(fields.items())))
    out = identities + features
    for form_type, fields in sorted(forms):
        out += [form_type] + [t for var, values in fields for t in (var, *values)]
    return "".join(t + "<" for t in out)


def info(client, node=None, to="localhost"):
    return client.ask("get", f"<query xmlns='{INFO}'" + (f" node='{node}'" if node else "") + "/>", to=to)


def server_caps(server):
    first = server.client()
    check("before authentication nothing is said", first.features.find(f"{{{CAPS}}}c") is None, first.features)
    alice = first.login("alice")
    c = alice.features.find(f"{{{CAPS}}}c")
    check("the features have capabilities", c is not None and c.get("hash") == "sha-1", alice.features)
    plain, named = info(alice), info(alice, f"{c.get('node')}#{c.get('ver')}")
    query = plain.find(f"{{{INFO}}}query")
    true = base64.b64encode(hashlib.sha1(text_of(query).encode()).digest()).decode()
    check("whose hash is true", c.get("ver") == true, (c.get("ver"), plain))
    answer = named.find(f"{{{INFO}}}query")
    check("who asks by it gets the same", text_of(answer) == text_of(query)
          and answer.get("node") == f"{c.get('node')}#{c.get('ver')}", named)
    check("another hash is not known", info(alice, c.get("node") + "#other").condition == "item-not-found")
    check("nor the node alone", info(alice, c.get("node")).condition == "item-not-found")
    check("nor as an account's", info(alice, f"{c.get('node')}#{c.get('ver')}", to="alice@localhost").condition == "item-not-found")
    check("capabilities are a feature", f"<feature var='{CAPS}'/>" in plain.raw, plain)
    fields = {f.get("var"): [v.text for v in f.findall(f"{DATA}value")] for f in plain.all(f".//{DATA}field")}
    check("contact addresses are told", fields == {
        "FORM_TYPE": ["http://jabber.org/network/serverinfo"], "abuse-addresses": ADDRESSES["abuse_addresses"],
        "admin-addresses": ["mailto:admin@example.org"], "status-addresses": ADDRESSES["status_addresses"]}, plain)
    server.configure(modules={"disco": {"admin_addresses": ["xmpp:root@example.org"]}}, admin_address="mailto:other@example.org")
    check("they change by a reload", server.reload().code == 0)
    bob = server.login("bob")
    check("and with them the hash", bob.features.find(f"{{{CAPS}}}c").get("ver") != c.get("ver"))
    check("what is named overrules the rest", "<value>xmpp:root@example.org</value>" in info(bob).raw and "other@" not in info(bob).raw)
    check("the old hash is not known any more", info(alice, f"{c.get('node')}#{c.get('ver')}").condition == "item-not-found")
    alice.close()
    bob.close()


def asked_once(server):
    """Each of the two workers asks one of the clients; then all are known."""
    clients = [online(server, name, f"r{i}", NODE) for name in ("alice", "bob") for i in range(3)]
    alice, bob = clients[0], clients[3]
    publish(alice, NODE, X.format(1), "1")
    publish(bob, NODE, X.format(1), "1")
    check("all get what they asked for", all(event(c, NODE).get("id") == "1" for c in clients))
    asked = sum(c.asked for c in clients)
    check("each worker asks a kind of client once", 1 <= asked <= 2, asked)
    for client in clients:
        client.close()
    again = online(server, "alice", "again", NODE)
    event(again, NODE)
    check("and remembers it", again.asked == 0)
    again.close()


def liars(server):
    """A client that claims the capabilities of another kind, but says something else."""
    honest = device(server, "alice", "honest", NODE, "urn:example:liar")
    liar = device(server, "alice", "liar", NODE)
    liar.ver = honest.ver
    liar.silent = True
    liar.send(f"<presence>{liar.caps()}</presence>")
    question = liar.wait(is_question)
    check("the question names the node", question.find(f"{{{INFO}}}query").get("node") == f"http://example.org/t#{honest.ver}"
          and question.get("from") == "localhost", question)
    honest.send(f"<presence>{honest.caps()}</presence>")
    honest.sync()
    check("while one is asked, others wait", honest.asked == 0)
    publish(honest, "urn:example:liar", X.format(1), "1")
    liar.answer(question)
    check("a lie is not believed of others: they are asked", event(honest, "urn:example:liar").get("id") == "1" and honest.asked == 1)
    publish(honest, NODE, X.format(2), "2")
    check("but counts for the liar", event(liar, NODE) is not None and set(events(liar)) <= {NODE}, events(liar))
    for client in (honest, liar):
        client.close()


def silence(server):
    """A client that never answers, and then leaves."""
    mute = device(server, "alice", "mute", NODE, "urn:example:mute")
    mute.silent = True
    mute.send(f"<presence>{mute.caps()}</presence>")
    mute.wait(is_question)
    other = device(server, "alice", "other", NODE, "urn:example:mute")
    other.send(f"<presence>{other.caps()}</presence>")
    other.sync()
    check("who waits behind it is not asked", other.asked == 0)
    publish(other, "urn:example:mute", X.format(1), "1")
    mute.close()
    check("until it leaves, and then gets what came meanwhile", event(other, "urn:example:mute").get("id") == "1" and other.asked == 1)
    other.close()
    unwilling = device(server, "alice", "unwilling", NODE, "urn:example:unwilling")
    unwilling.silent = True
    unwilling.send(f"<presence>{unwilling.caps()}</presence>")
    question = unwilling.wait(is_question)
    unwilling.send(f"<iq type='error' id='{question.get('id')}' to='localhost'><error type='cancel'><service-unavailable "
                   "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
    publish(unwilling, NODE, X.format(1), "1")
    unwilling.sync()
    check("who does not say what it wants gets nothing", events(unwilling) == [], events(unwilling))
    unwilling.close()


def other_hashes(server):
    client = device(server, "bob", "new", NODE)
    text = "client/pc//t<" + "".join(f"{f}<" for f in sorted(client.wants))
    client.available(f"<c xmlns='{CAPS}' hash='sha-256' node='n' ver='{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'/>")
    publish(client, NODE, X.format(3), "3")
    check("SHA-256 is understood", event(client, NODE) is not None)
    client.close()
    client = device(server, "bob", "old", NODE)
    client.available(f"<c xmlns='{CAPS}' node='n' ver='0.9' ext='a b'/>")
    publish(client, NODE, X.format(4), "4")
    check("who has no hash is asked for itself", event(client, NODE) is not None and client.asked == 1)
    client.close()


def changes(server):
    client = online(server, "bob", "changing", NODE)
    event(client, NODE)
    second = device(server, "bob", "x", "urn:example:second")
    client.info, client.ver = second.info, second.ver
    client.available(client.caps())
    publish(client, NODE, X.format(5), "5")
    publish(client, "urn:example:second", X.format(5), "5")
    event(client, "urn:example:second")
    check("new capabilities replace the old", events(client) == [], events(client))
    client.available("<status>none</status>")
    publish(client, "urn:example:second", X.format(6), "6")
    client.sync()
    check("no capabilities, no events", events(client) == [], events(client))
    for i in range(20):
        client.send(f"<presence><c xmlns='{CAPS}' hash='sha-1' node='n' ver='{ver([str(i)], [])}'/></presence>")
    client.silent = True
    client.sync()
    check("a client is not asked without end", sum(map(is_question, client.came)) <= 8, len(client.came))
    for c in (client, second):
        c.close()


def switched_off(server):
    """The module is off while sessions end and come, and on again."""
    before = online(server, "alice", "before", NODE)
    event(before, NODE)
    mute = device(server, "alice", "mute", NODE, "urn:example:off")
    mute.silent = True
    mute.send(f"<presence>{mute.caps()}</presence>")
    mute.wait(is_question)
    server.configure(modules={"pep": False})
    server.reload()
    before.close()
    mute.ends()
    during = online(server, "alice", "during", NODE, "urn:example:off")
    check("what is off is not there", publish(during, NODE, X.format(1), "1").condition == "service-unavailable")
    server.configure(modules={})
    server.reload()
    check("who is there is asked when it is on again", event(during, NODE) is not None)
    after = online(server, "alice", "after", NODE, "urn:example:off")
    check("what is on again tells all", event(after, NODE) is not None)
    publish(after, "urn:example:off", X.format(1), "1")
    check("also who came meanwhile", event(after, "urn:example:off") is not None and event(during, "urn:example:off") is not None)
    during.close()
    after.close()


def all_of_it():
    with Server(modules={"disco": ADDRESSES}, admin_address="mailto:admin@example.org") as server:
        server.register("alice", "bob")
        server_caps(server)
        asked_once(server)
        liars(server)
        silence(server)
        other_hashes(server)
        changes(server)
        switched_off(server)
        server.stop()


run(all_of_it)
