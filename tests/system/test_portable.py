#!/usr/bin/env python3
"""XEP-0227: an account goes into a file, is deleted, comes back, and its clients find everything as it was.

Passwords by each mechanism, the roster with its groups, states and a request that waits, the vCard, private XML, blocked
addresses, nodes with their configuration, items and keys of OMEMO, the archive with its ids, times and tombstones, what is
unread, what was not delivered, preferences, whether the account was banned. Then files of Prosody and ejabberd, a whole
host, includes, and files that are wrong.
"""
import hashlib
import hmac
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from bongsu import Server, check, escape, pep, refused, run, sm, wait_for
from bongsu.scram import b64

MAM = "urn:xmpp:mam:2"
PIE = "urn:xmpp:pie:0"
MECHANISMS = ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")
MANY = 2500
server = Server(hosts=["localhost", "example.org"])


def export(user, file, host="localhost"):
    done = server.ctl("export_user", user, host, file)
    if done.code:
        raise RuntimeError(done.err)
    return (server.data / file).read_text(encoding="utf-8")


def write(file, text):
    path = server.data / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return file


def bring(file):
    done = server.ctl("import_user", file)
    return check(f"import of {file}", done.code == 0 and "Imported users: " in done.out, done) and done.out


def delete(user, host="localhost"):
    done = server.ctl("unregister", user, host)
    return check(f"{user} is deleted", done.code == 0, done)


# ---- what clients see

def archive(client, **how):
    """All pages: (id, stamp, message)."""
    found, after = [], ""
    while True:
        answer = client.ask("set", f"<query xmlns='{MAM}'><set xmlns='http://jabber.org/protocol/rsm'><max>250</max>"
                            f"{after}</set></query>", **how)
        results = [e.find(f"{{{MAM}}}result") for e in client.take() if e.find(f"{{{MAM}}}result") is not None]
        for r in results:
            forwarded = r.find("{urn:xmpp:forward:0}forwarded")
            found.append((r.get("id"), forwarded.find("{urn:xmpp:delay}delay").get("stamp"),
                          ET.tostring(forwarded.find("{jabber:client}message"), encoding="unicode")))
        if not results or answer.find(f"{{{MAM}}}fin").get("complete") == "true":
            return found
        after = f"<after>{escape(results[-1].get('id'))}</after>"


def inbox(client):
    client.ask("get", "<inbox xmlns='urn:xmpp:inbox:1' messages='false'/>")
    entries = [e.find("{urn:xmpp:inbox:1}entry") for e in client.take()]
    return sorted((e.get("jid"), e.get("unread"), e.get("id")) for e in entries if e is not None)


def canonical(answer):
    """What is inside of an answer, however it is written."""
    return sorted(ET.canonicalize(ET.tostring(x, encoding="unicode")) for x in answer.xml)


def state(client):
    """All that can be asked for, but the archive."""
    questions = {
        "vcard": "<vCard xmlns='vcard-temp'/>",
        "private": "<query xmlns='jabber:iq:private'><x xmlns='urn:test:private'/></query>",
        "blocked": "<blocklist xmlns='urn:xmpp:blocking'/>",
        "prefs": f"<prefs xmlns='{MAM}'/>",
        "nodes": "<query xmlns='http://jabber.org/protocol/disco#items'/>",
    }
    found = {name: canonical(client.ask("get", question, to=client.bare if name == "nodes" else None))
             for name, question in questions.items()}
    found["blocked"] = sorted(re.findall(r"jid=\S+", str(found["blocked"])))
    found["roster"] = sorted(ET.canonicalize(ET.tostring(x, encoding="unicode")) for x in
                             client.ask("get", "<query xmlns='jabber:iq:roster'/>").all("{jabber:iq:roster}query/*"))
    for node in ("urn:xmpp:omemo:2:devices", "urn:xmpp:omemo:2:bundles", "urn:xmpp:bookmarks:1", "urn:test:open"):
        found[node] = canonical(pep.get_items(client, node))
        found[f"{node} configuration"] = canonical(pep.pubsub(client, "get", f"<configure node='{node}'/>",
                                                              ns=f"{pep.PUBSUB}#owner"))
    found["inbox"] = inbox(client)
    return found


# ---- round trip

def live():
    """Alice, with all that an account can have."""
    server.register("alice", password="p\u00e4ss w\u00f6rd")
    server.register("bob", "carol", "dave", "mallory")
    alice, bob = server.login("alice", "desk", "p\u00e4ss w\u00f6rd"), server.login("bob", "phone")
    alice.available()
    bob.available()
    pep.befriend(server, "alice", "bob")
    alice.ask("set", "<query xmlns='jabber:iq:roster'><item jid='carol@localhost' name='Ca &lt;rol&gt; \u2603'><group>Work &amp; "
              "Tea</group><group>\u00c4</group></item></query>")
    alice.send("<presence type='subscribe' to='dave@localhost'/>")
    server.login("mallory", "x").send("<presence type='subscribe' to='alice@localhost'><status>let me &lt;in&gt;</status>"
                                      "</presence>")
    alice.wait("type='subscribe'")
    alice.ask("set", "<vCard xmlns='vcard-temp'><FN>Alice &amp; Co</FN><DESC>two\nlines</DESC></vCard>")
    alice.ask("set", "<query xmlns='jabber:iq:private'><x xmlns='urn:test:private'><y a='1'>z</y></x></query>")
    alice.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='eve@localhost'/><item jid='spam.example'/></block>")
    alice.ask("set", f"<prefs xmlns='{MAM}' default='always'><always/><never><jid>log@localhost</jid></never></prefs>")
    keys = f"<bundle xmlns='urn:xmpp:omemo:2'><spk id='0'>{'A' * 400}</spk></bundle>"
    pep.publish(alice, "urn:xmpp:omemo:2:devices", "<devices xmlns='urn:xmpp:omemo:2'><device id='1'/></devices>", "current",
                access_model="open")
    for device in range(3):
        pep.publish(alice, "urn:xmpp:omemo:2:bundles", keys, str(device), access_model="open", max_items="max")
    for n in range(450):
        alice.send(f"<iq type='set' id='b{n}'><pubsub xmlns='{pep.PUBSUB}'><publish node='urn:xmpp:bookmarks:1'><item "
                   f"id='room{n}@rooms.example'><conference xmlns='urn:xmpp:bookmarks:1' name='R&amp;{n}'/></item></publish>"
                   f"<publish-options>{pep.form(f'{pep.PUBSUB}#publish-options', **pep.PRIVATE)}</publish-options></pubsub>"
                   "</iq>")
    alice.wait("id='b449'")
    alice.take()
    pep.publish(alice, "urn:test:open", "<x xmlns='urn:test:open'>1</x>", "i", access_model="presence")
    for n in range(MANY):
        one, other = (alice, "bob") if n % 3 else (bob, "alice")
        one.send(f"<message to='{other}@localhost' type='chat' id='m{n}'><body>line {n} &lt;&amp;&gt; \u2603</body>"
                 f"<origin-id xmlns='urn:xmpp:sid:0' id='m{n}'/></message>")
    bob.sync()
    alice.sync()
    alice.send("<message to='bob@localhost' type='chat' id='gone'><body>take this back</body></message>")
    alice.send("<message to='bob@localhost' type='chat' id='g2'><retract xmlns='urn:xmpp:message-retract:1' id='gone'/></message>")
    for n in range(5):
        bob.send(f"<message to='alice@localhost' type='chat' id='u{n}'><body>unread {n}</body></message>")
    alice.wait("unread 4")
    alice.send("<message to='bob@localhost' type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='u1'/></message>")
    alice.sync()
    alice.ends()
    carol = server.login("carol", "x")
    for n in range(3):
        carol.send(f"<message to='alice@localhost' type='chat' id='o{n}'><body>offline {n}</body></message>")
    carol.send("<message to='alice@localhost' type='chat' id='n'><body>not kept</body><no-permanent-store "
               "xmlns='urn:xmpp:hints'/></message>")
    carol.sync()
    for c in (bob, carol):
        c.close()


def look():
    """What a client of alice's sees, and what the archive holds; not available, so nothing is handed out."""
    with server.login("alice", "look", "p\u00e4ss w\u00f6rd") as alice:
        return state(alice), archive(alice)


def rest_of(client):
    """What waited for the next login, up to a marker."""
    client.available()
    client.send(f"<message to='{client.jid}' id='marker'><body>marker</body></message>")
    client.wait("<body>marker")
    return [m.text("c:body") for m in client.take() if m.name == "message" and m.text("c:body")]


def same(what, was, now):
    ok = True
    for name in was:
        ok = check(f"{what}: {name}", was[name] == now[name], f"{str(was[name])[:600]} became {str(now[name])[:600]}") and ok
    return ok


def round_trip():
    live()
    was, history = look()
    text = export("alice", "alice.xml")
    check("the file is for its owner only", (server.data / "alice.xml").stat().st_mode & 0o777 == 0o600)
    root = ET.fromstring(text)
    user = root.find(f"{{{PIE}}}host/{{{PIE}}}user")
    check("it is a file of XEP-0227", root.tag == f"{{{PIE}}}server-data" and user.get("name") == "alice", text[:300])
    check("without a password", user.get("password") is None and
          {x.get("mechanism") for x in user.findall(f"{{{PIE}#scram}}scram-credentials")} == set(MECHANISMS), text[:2000])
    check("with the whole archive", len(user.findall(f"{{{PIE}#mam}}archive/{{{MAM}}}result")) == len(history))
    check("and what waits", [m.findtext("{jabber:client}body") for m in user.findall(f"{{{PIE}}}offline-messages/*")] ==
          ["not kept", "offline 0", "offline 1", "offline 2"])
    check("no tombstone brings its message back", "take this back" not in text)
    done = server.ctl("export_user", "alice", "localhost", "alice.xml")
    check("a file that is there stays", done.code == 1 and "File exists" in done.err, done)
    done = server.ctl("import_user", "alice.xml")
    check("an account that is there stays", done.code == 1 and "conflict: User alice@localhost exists already" in done.err, done)
    delete("alice")
    server.login("bob", "clean").ask("set", "<query xmlns='jabber:iq:roster'><item jid='alice@localhost' "
                                     "subscription='remove'/></query>")
    said = bring("alice.xml")
    check("the import tells how much", f"Imported archived messages: {len(history)}\n" in said and
          "Imported contacts and requests: 4\n" in said and "left out" not in said, said)
    for mechanism in MECHANISMS:
        server.client().login("alice", "p\u00e4ss w\u00f6rd", "login", mechanism=mechanism).close()
        check(f"the old password by {mechanism}", True)
    refused("another one is wrong", lambda: server.login("alice", password="other"))
    now, again = look()
    same("as it was", was, now)
    check("the archive, with its ids and times", history == again,
          next(((x, y) for x, y in zip(history, again) if x != y), (len(history), len(again))))
    alice = server.login("alice", "desk", "p\u00e4ss w\u00f6rd")
    alice.send("<presence/>")
    check("the request still waits", alice.wait("type='subscribe'").get("from") == "mallory@localhost")
    check("what was not delivered is, once", sorted(rest_of(alice)) == ["not kept", "offline 0", "offline 1", "offline 2"])
    bob = server.login("bob", "new")
    bob.available()
    bob.send("<message to='alice@localhost' type='chat' id='after'><body>after</body></message>")
    alice.wait("<body>after")
    check("what comes next is behind all that", archive(alice)[-1][2].find(">after<") > 0)
    alice.close()
    server.restart()
    now, again = look()
    check("it is all there after a restart", [row[0] for row in history] == [row[0] for row in again][:len(history)])


def other_name():
    """The file is read while the account is there under another name: ids are new, order and times stay."""
    text = (server.data / "alice.xml").read_text(encoding="utf-8").replace("alice@localhost", "alina@localhost")
    write("alina.xml", text.replace("<user name='alice'>", "<user name='alina'>"))
    bring("alina.xml")
    with server.login("alice", "one", "p\u00e4ss w\u00f6rd") as alice, server.login("alina", "one", "p\u00e4ss w\u00f6rd") as alina:
        old, new = archive(alice)[:MANY], archive(alina)[:MANY]
        check("times and order stay", [row[1] for row in old] == [row[1] for row in new])
        check("ids are others", not {row[0] for row in old} & {row[0] for row in new})
        check("bodies stay", [ET.fromstring(row[2]).findtext("{jabber:client}body") for row in old] ==
              [ET.fromstring(row[2]).findtext("{jabber:client}body") for row in new])
    delete("alina")


# ---- files of others

def wrap(inside, host="localhost"):
    return f"<?xml version='1.0'?><!-- by hand -->\n<server-data xmlns='{PIE}'><host jid='{host}'>{inside}</host></server-data>\n"


def scram(mechanism, password, salt, iterations, order):
    """Keys as Prosody and ejabberd write them."""
    name = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}[mechanism]
    salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", name)
    values = {"iter-count": str(iterations), "salt": b64(salt), "server-key": b64(hmac.digest(salted, b"Server Key", name)),
              "stored-key": b64(hashlib.new(name, client).digest())}
    return f"<scram-credentials xmlns='{PIE}#scram' mechanism='{mechanism}'>" + "".join(
        f"<{n}>{values[n]}</{n}>" for n in order) + "</scram-credentials>"


def of_prosody():
    """mod_storage_xep0227: keys of one mechanism with a long salt, a version of the roster, requests without `to`."""
    keys = scram("SCRAM-SHA-1", "secret", b"3f2c1f6e-0d6e-4a6e-9a53-6a1b9e2b7d11", 4096,
                 ("server-key", "stored-key", "iter-count", "salt"))
    form = (f"<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>{pep.PUBSUB}#node_config</value>"
            "</field><field type='boolean' var='pubsub#persist_items'><value>1</value></field><field type='list-single' "
            "var='pubsub#access_model'><value>authorize</value></field><field type='text-single' var='pubsub#max_items'><value>256"
            "</value></field><field type='list-single' var='pubsub#publish_model'><value>subscribers</value></field></x>")
    text = wrap(
        f"<user name='pat'>{keys}<query version='7' xmlns='jabber:iq:roster'><item jid='bob@localhost' subscription='both'>"
        "<group>G</group></item></query><presence from='eve@localhost' type='subscribe' xmlns='jabber:client'/>"
        f"<pubsub xmlns='{pep.PUBSUB}#owner'><configure node='urn:test:n'>{form}</configure><subscriptions node='urn:test:n'>"
        "<subscription subscribed='subscribed' jid='a@b.example'/></subscriptions></pubsub>"
        f"<pubsub xmlns='{pep.PUBSUB}'><items node='urn:test:n'><item id='1'><x xmlns='urn:test:n'/></item><item id='2'>"
        "<x xmlns='urn:test:n'/></item></items></pubsub>"
        f"<archive xmlns='{PIE}#mam'><result id='abc' xmlns='{MAM}'><forwarded xmlns='urn:xmpp:forward:0'><delay "
        "xmlns='urn:xmpp:delay' stamp='2019-02-03T04:05:06Z'/><message xmlns='jabber:client' type='chat' to='pat@localhost/x' "
        "from='bob@localhost/y'><body>old</body></message></forwarded></result>"
        f"<result id='abd' xmlns='{MAM}'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
        "stamp='2019-02-03T04:05:07Z'/><message xmlns='jabber:client' type='chat' to='bob@localhost'><body>from me</body>"
        "</message></forwarded></result></archive></user>")
    said = bring(write("prosody.xml", text))
    check("what cannot be kept is told", "subscriptions of a node was left out" in said and
          "keys came for some mechanisms of SCRAM only" in said, said)
    with server.client().login("pat", "secret", "x", mechanism="SCRAM-SHA-1") as pat:
        stamps = [(row[1], ET.fromstring(row[2]).findtext("{jabber:client}body"), ET.fromstring(row[2]).get("from"))
                  for row in archive(pat)]
        check("its archive", stamps == [("2019-02-03T04:05:06.000Z", "old", "bob@localhost/y"),
                                        ("2019-02-03T04:05:07.000Z", "from me", "pat@localhost")], stamps)
        check("nothing of it is unread", [row[:2] for row in inbox(pat)] == [("bob@localhost", "0")], inbox(pat))
        check("a node with an unknown access model is private", "<value>whitelist</value>" in re.sub(r"ns\d+:", "", str(canonical(
            pep.pubsub(pat, "get", "<configure node='urn:test:n'/>", ns=f"{pep.PUBSUB}#owner")))).replace("</ns1", "</"))
        check("with its items", list(pep.items(pat, "urn:test:n") or ()) == ["2", "1"] or
              sorted(pep.items(pat, "urn:test:n")) == ["1", "2"])
        pat.send("<presence/>")
        check("its request", pat.wait("type='subscribe'").get("from") == "eve@localhost")
        check("nothing is handed out twice", rest_of(pat) == [])


def of_ejabberd():
    """export_piefxis: a file for the server, one for each host; passwords in clear, offline messages, privacy lists."""
    write("dir/2026.xml", f"<?xml version='1.0' encoding='UTF-8'?><server-data xmlns='{PIE}' "
          "xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='2026_localhost.xml'/>"
          "<xi:include href='2026_elsewhere.xml'/></server-data>")
    write("dir/2026_localhost.xml", f"<?xml version='1.0' encoding='UTF-8'?><host xmlns='{PIE}' "
          "xmlns:xi='http://www.w3.org/2001/XInclude' jid='localhost'><user name='erl' password='s&amp;cret'>"
          "<offline-messages><message xmlns='jabber:client' xml:lang='en' to='erl@localhost' from='bob@localhost/x' type='chat'>"
          "<body>while you were away</body><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2020-01-02T03:04:05Z'/></message>"
          "</offline-messages><vCard xmlns='vcard-temp'><FN>Erl</FN></vCard><query xmlns='jabber:iq:privacy'><default name='p'/>"
          "<list name='p'><item type='jid' value='spam@x.example' action='deny' order='1'/><item type='group' value='g' "
          "action='deny' order='2'/><item action='allow' order='3'/></list><list name='q'/></query>"
          "<query xmlns='jabber:iq:roster'><item jid='bob@localhost' subscription='to' ask='subscribe' name='B'/></query>"
          "<presence xmlns='jabber:client' to='erl@localhost' from='carol@localhost' type='subscribe'><status>hi</status></presence>"
          "<query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'><a/></exodus></query></user></host>")
    write("dir/2026_elsewhere.xml", f"<host xmlns='{PIE}' jid='elsewhere.test'><user name='x'><vCard xmlns='vcard-temp'/></user>"
          "</host>")
    said = bring("dir/2026.xml")
    check("what cannot be kept is told", "a rule of a privacy list that blocking cannot express was left out" in said and
          "<list/> was left out" in said and "host elsewhere.test is not served here" in said, said)
    for mechanism in MECHANISMS:
        server.client().login("erl", "s&cret", "x", mechanism=mechanism).close()
        check(f"a password in clear works by {mechanism}", True)
    with server.login("erl", "x", "s&cret") as erl:
        check("its blocked addresses", "spam@x.example" in erl.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>").raw)
        check("its contact", "ask='subscribe'" in erl.ask("get", "<query xmlns='jabber:iq:roster'/>").raw)
        check("its vCard", "<FN>Erl</FN>" in erl.ask("get", "<vCard xmlns='vcard-temp'/>").raw)
        erl.send("<presence/>")
        message = erl.wait("while you were away")
        check("an offline message, with its time", message.find("{urn:xmpp:delay}delay").get("stamp") == "2020-01-02T03:04:05Z")
        check("once", rest_of(erl) == [])
    server.ctl("unregister", "erl", "localhost")


def bookmarks():
    """Kept in private XML, in one item, or in both, they become those that clients of today publish; what these did is the truth."""
    native, old = "urn:xmpp:bookmarks:1", "storage:bookmarks"

    def listed(*names):
        return f"<storage xmlns='{old}'>" + "".join(
            f"<conference jid='{n}@rooms.example' autojoin='1' name='N'><nick>me</nick></conference>" for n in names) + "</storage>"
    private = f"<query xmlns='jabber:iq:private'>{listed('A', 'b')}</query>"
    one_item = f"<pubsub xmlns='{pep.PUBSUB}'><items node='{old}'><item id='current'>{listed('b', 'c')}</item></items></pubsub>"
    published = (f"<pubsub xmlns='{pep.PUBSUB}'><items node='{native}'><item id='d@rooms.example'><conference xmlns='{native}' "
                 "name='D'/></item></items></pubsub>")
    for user, inside, rooms in (("ann", private, "ab"), ("ben", one_item, "bc"), ("cid", private + one_item, "abc"),
                                ("dan", private + one_item + published, "d")):
        bring(write(f"{user}.xml", wrap(f"<user name='{user}' password='secret'>{inside}</user>")))
        names = {f"{n}@rooms.example" for n in rooms}
        with server.login(user) as client:
            found = pep.items(client, native)
            check(f"{user}'s rooms are published", found is not None and set(found) == names, found)
            answer = client.ask("get", f"<query xmlns='jabber:iq:private'><storage xmlns='{old}'/></query>")
            check("for old clients, too", {x.get("jid") for x in answer.all(f".//{{{old}}}conference")} == names, answer)
            check("with all that is said of them", user == "dan" or ("<nick>me</nick>" in answer.raw and "autojoin='true'" in answer.raw),
                  answer)
            nodes = client.ask("get", f"<query xmlns='{pep.ITEMS}'/>", to=client.bare)
            check("in one node", [x.get("node") for x in nodes.all(f".//{{{pep.ITEMS}}}item")] == [native], nodes)
            answer = pep.pubsub(client, "get", f"<configure node='{native}'/>", ns=pep.OWNER)
            check("which nobody else reads", "<value>whitelist</value>" in answer.raw or user == "dan", answer)
        server.ctl("unregister", user, "localhost")


def whole_host():
    server.register("one", "two", "three", host="example.org")
    server.ctl("ban_account", "two", "example.org", "spam")
    done = server.ctl("export_host", "example.org", "example.xml")
    check("a host is written", done.code == 0 and done.out == "Exported users: 3\n", done)
    for user in ("one", "two"):
        delete(user, "example.org")
    done = server.ctl("import_user", "example.xml")
    check("who is there is refused, the others come back", done.code == 1 and "Imported users: 2\n" in done.err and
          "conflict: User three@example.org exists already" in done.err, done)
    server.login("one", host="example.org").close()
    refused("a banned account still is", lambda: server.login("two", host="example.org"))
    check("and can be let in", server.ctl("unban_account", "two", "example.org").code == 0)
    server.login("two", host="example.org").close()


# ---- files that are wrong

def is_gone(user):
    """Nothing of the account is in any table."""
    left = [table for table in ("roster", "roster_version", "pending", "vcard", "private_xml", "block", "pep_node", "pep_item",
                                "archive_prefs", "home_number", "offline", "account", "credential", "last_activity")
            if server.sql(f"SELECT owner FROM {table} WHERE owner = '{user}@localhost'")]
    return check(f"nothing of {user} is left", not left, left)


def fails(what, text, error, line=None):
    data = text if isinstance(text, bytes) else text.encode()
    (server.data / "bad.xml").write_bytes(data)
    done = server.ctl("import_user", "bad.xml")
    place = "" if line is None else f"bad.xml line {line}: "
    check(what, done.code == 1 and done.err.startswith("Error: ") and done.err.count("\n") == 1 and place in done.err and
          error in done.err, done)


def hostile():
    good = "<query xmlns='jabber:iq:roster'>\n<item jid='a@b.example'/>\n</query>\n"
    message = ("<result xmlns='urn:xmpp:mam:2' id='{}'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
               "stamp='{}'/><message xmlns='jabber:client' from='{}' to='{}'><body>{}</body></message></forwarded></result>")
    fails("an empty file", "", "the file ends too early")
    fails("no XML", "hello", "there is text where elements are expected")
    fails("another document", "<svg/>", "this is no file of XEP-0227: it begins with <svg/>")
    fails("a document type", f"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>{wrap('')}", "a document type", 1)
    fails("a file that is cut", wrap(f"<user name='bad' password='x'>{good}")[:-30], "the file ends too early", 4)
    fails("an element that does not begin", wrap(f"<user name='bad'>{good}</uzer>"), "ends here that does not begin", 5)
    fails("bytes that are no UTF-8", wrap(f"<user name='bad'>{good}<vCard xmlns='vcard-temp'>XX</vCard></user>").encode().replace(
        b"XX", b"\xff\xfe"), "not well-formed", 5)
    fails("an entity", wrap(f"<user name='bad'>{good}<vCard xmlns='vcard-temp'>&a;</vCard></user>"), "an entity", 5)
    fails("depth", wrap("<user name='bad'><vCard xmlns='vcard-temp'>" + "<x>" * 100 + "</x>" * 100 + "</vCard></user>"), "too deep")
    fails("a huge element", wrap(f"<user name='bad'>{good}<vCard xmlns='vcard-temp'><X>{'x' * 5000000}</X></vCard></user>"),
          "an element is too large", 5)
    fails("a name that is none", wrap("<user name='b d'/>"), "cannot be the name of a user")
    done = server.ctl("import_user", write("twice.xml", wrap("<user name='bad2' password='x'/><user name='bad2'/>")))
    check("an account twice", done.code == 1 and "Imported users: 1\n" in done.err and
          "conflict: User bad2@localhost exists already" in done.err, done)
    server.ctl("unregister", "bad2", "localhost")
    (server.data / "folder").mkdir()
    for name, error in (("folder", "Invalid argument"), ("missing.xml", "No such file")):
        done = server.ctl("import_user", name)
        check(f"import of {name}", done.code == 1 and error in done.err, done)
    done = server.ctl("export_user", "nobody", "localhost", "nobody.xml")
    check("export of nobody leaves no file", done.code == 1 and "does not exist" in done.err and
          not (server.data / "nobody.xml").exists(), done)
    is_gone("bad")
    strange = "".join([
        "<user name='bad' password='x'>", good, "<user name='bad' password='other'/>", "<foo xmlns='urn:x\u009b31m'><bar/>t</foo>",
        f"<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='../../etc/passwd'/><xi:include "
        "xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd'/>",
        "<query xmlns='jabber:iq:roster'><item jid='@'/><item/><item jid='c@d.example' subscription='maybe'/><nothing/></query>",
        "<presence xmlns='jabber:client' type='probe' from='a@b.example'/>",
        f"<scram-credentials xmlns='{PIE}#scram' mechanism='SCRAM-SHA-1'><iter-count>0</iter-count><salt>!</salt>"
        "</scram-credentials>",
        f"<pubsub xmlns='{pep.PUBSUB}'><items><item id='1'><x xmlns='u:x'/></item></items><items node='n'><item/></items></pubsub>",
        f"<archive xmlns='{PIE}#mam'>", message.format("1", "2999-01-01T00:00:00Z", "bad@localhost", "a@b.example", "future"),
        message.format("2", "2020-01-01T00:00:00Z", "a@b.example", "c@b.example", "of others"),
        message.format("3", "2020-01-01T00:00:00Z", "a@b.example", "bad@localhost", "good"),
        message.format("3", "2019-01-01T00:00:00Z", "a@b.example", "bad@localhost", "earlier"), "<result/></archive>",
        "<offline-messages><presence xmlns='jabber:client'/><message xmlns='jabber:client'/></offline-messages></user>"])
    said = bring(write("strange.xml", wrap(strange)))
    check("each is told", said.count("was left out") == 17 and "\u009b" not in said, said)
    with server.login("bad", "x", "x") as bad:
        check("what was good is there", [ET.fromstring(r[2]).findtext("{jabber:client}body") for r in archive(bad)] ==
              ["good", "earlier"])
    server.ctl("unregister", "bad", "localhost")
    is_gone("bad")
    write("loop.xml", wrap("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='loop.xml'/>"))
    done = server.ctl("import_user", "loop.xml")
    check("a file that includes itself ends", done.code == 0 and "was left out" in done.out, done)


# ---- deleting

def rows_of(user):
    """Tables in which something belongs to the account, by its address or by the number of its archive."""
    sqlite = "sqlite" in server.options["store"]
    numbers = [row[0] for row in server.sql(f"SELECT number FROM home_number WHERE owner = '{user}@localhost'")] or ["0"]
    tables = server.sql("SELECT m.name, p.name, p.type FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' "
                        "AND p.name = 'owner'" if sqlite else
                        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = DATABASE()"
                        " AND column_name = 'owner'")
    check("there are tables with owners", len(tables) > 12, tables)
    found = []
    for table, _, kind in tables:
        owner = f"IN ({', '.join(numbers)})" if kind.lower() in ("integer", "bigint") else f"= '{user}@localhost'"
        if server.sql(f"SELECT 1 FROM {table} WHERE owner {owner} LIMIT 1"):
            found.append(table)
    return set(found), numbers


def deletes():
    """Part by part while it is connected, then all, then the account itself."""
    server.register("dora")
    dora, bob = server.login("dora", "one"), server.login("bob", "two")
    dora.available()
    pep.befriend(server, "dora", "bob")
    dora.ask("set", "<vCard xmlns='vcard-temp'><FN>D</FN></vCard>")
    dora.ask("set", "<query xmlns='jabber:iq:private'><x xmlns='urn:test:private'><y/></x></query>")
    dora.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='eve@localhost'/></block>")
    dora.ask("set", f"<prefs xmlns='{MAM}' default='always'><always/><never/></prefs>")
    pep.publish(dora, "urn:test:n", "<x xmlns='urn:test:n'/>", "i")
    bob.send("<message to='dora@localhost' type='chat' id='1'><body>read</body></message>")
    dora.wait("<body>read")
    dora.send("<message to='bob@localhost' type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>")
    dora.sync()
    done = server.ctl("delete_user_data", "dora", "localhost", "nonsense")
    check("a part that is none", done.code == 1 and "bad_request: 'nonsense'" in done.err, done)
    done = server.ctl("delete_user_data", "dora", "localhost", "archive")
    check("the archive is deleted", done.code == 0 and done.out == "Deleted of dora@localhost: archive\n", done)
    check("sessions are closed", dora.ended() == "reset", dora.error)
    dora = server.login("dora", "one")
    check("and nothing else is", archive(dora) == [] and pep.items(dora, "urn:test:n") and
          "bob@localhost" in dora.ask("get", "<query xmlns='jabber:iq:roster'/>").raw)
    dora.ends()
    wait_for("a session that has ended", lambda: server.ctl("num_resources", "dora", "localhost").out == "0\n")
    bob.send("<message to='dora@localhost' type='chat' id='2'><body>waits</body></message>")
    bob.send("<message to='dora@localhost' type='chat' id='3'><body>hidden</body><no-permanent-store xmlns='urn:xmpp:hints'/>"
             "</message>")
    bob.sync()
    wait_for("both wait", lambda: server.ctl("get_offline_count", "dora", "localhost").out == "2\n")
    for part in ("vcard", "private", "blocking", "pep", "offline", "last", "roster"):
        done = server.ctl("delete_user_data", "dora", "localhost", part)
        check(f"{part} is deleted", done.code == 0, done)
    dora = server.login("dora", "one")
    check("each of it", "<FN>" not in dora.ask("get", "<vCard xmlns='vcard-temp'/>").raw and
          "<y" not in dora.ask("get", "<query xmlns='jabber:iq:private'><x xmlns='urn:test:private'/></query>").raw and
          "eve@" not in dora.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>").raw and not pep.items(dora, "urn:test:n") and
          "bob@" not in dora.ask("get", "<query xmlns='jabber:iq:roster'/>").raw)
    check("nothing waits", rest_of(dora) == [] and len(archive(dora)) > 0)
    dora.send("<message to='bob@localhost' type='chat' id='4'><body>goes on</body></message>")
    dora.sync()
    dora.ends()
    done = server.ctl("delete_user_data", "dora", "localhost")
    left, _ = rows_of("dora")
    check("all but the account is deleted", done.code == 0 and left <= {"account", "credential"}, left)
    fill = server.login("dora", "again")
    check("who can log in", archive(fill) == [])
    fill.close()


def leaves_nothing():
    """An account with rows in every table that accounts have rows in, then without."""
    bring("alice.xml") if server.ctl("check_account", "alice", "localhost").code else None
    alice = server.login("alice", "last", "p\u00e4ss w\u00f6rd")
    sm.enable(alice)
    alice.available()
    alice.close()
    full, numbers = rows_of("alice")
    wanted = {"account", "credential", "roster", "roster_version", "pending", "block", "vcard", "private_xml", "archive_prefs",
              "home_number", "archive", "archive_seen", "pep_node", "pep_item"}
    check("it has rows", wanted <= full, wanted - full)
    delete("alice")
    left, _ = rows_of("alice")
    check("then in no table", not left, left)
    check("nor in its archive", server.sql(f"SELECT COUNT(*) FROM archive WHERE owner IN ({', '.join(numbers)})") == [["0"]])


def moves():
    with server:
        round_trip()
        other_name()
        of_prosody()
        of_ejabberd()
        bookmarks()
        whole_host()
        hostile()
        deletes()
        leaves_nothing()


run(moves)
