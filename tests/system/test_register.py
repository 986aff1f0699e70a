#!/usr/bin/env python3
"""XEP-0077: accounts made, changed and deleted by their users, and what is left of them: nothing."""
import os
import re
import sqlite3
import subprocess

from bongsu import Server, check, refused, run, wait_for

FEATURE = "{http://jabber.org/features/iq-register}register"
GET = "<query xmlns='jabber:iq:register'/>"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


def form(**fields):
    return "<query xmlns='jabber:iq:register'>" + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items()) + "</query>"


def query(server, sql):
    """What the store says: rows of texts."""
    store = os.environ.get("BONGSU_STORE", "")
    if "mariadb" not in store:
        with sqlite3.connect(f"file:{server.data}/bongsu.sqlite?mode=ro", uri=True) as db:
            return [[str(cell) for cell in row] for row in db.execute(sql)]
    conf = {k: v.strip('"') for k, v in re.findall(r"(\w+): ([^,}]+)", store)}
    words = ["mariadb", "--no-defaults", "--batch", "--skip-column-names", f"--database={conf['database']}"]
    words += [f"--{name}={conf[name]}" for name in ("socket", "user", "password", "port") if name in conf]
    done = subprocess.run([*words, "-e", sql], capture_output=True, text=True, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


COLUMNS = {  # of text, in every table
    False: "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'",
    True: "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND "
          "data_type IN ('char', 'varchar', 'text', 'varbinary', 'blob', 'mediumtext')"}


def rows_of(server, owner):
    """In which tables the store has rows of that owner, whatever the column is called."""
    columns = query(server, COLUMNS["mariadb" in os.environ.get("BONGSU_STORE", "")])
    return {t for t, c in columns if query(server, f"SELECT 1 FROM {t} WHERE {c} = '{owner}' LIMIT 1")}


def archived(server, number):
    return int(query(server, f"SELECT COUNT(*) FROM archive WHERE owner = {number}")[0][0])


def closed():
    with Server("closed") as server:
        server.register("cl-x")
        with server.client() as new:
            check("closed: it is not offered", new.features.find(FEATURE) is None, new.features)
            check("closed: no form", new.ask("get", GET).condition == "service-unavailable")
            answer = new.ask("set", form(username="cl-new", password="secret"))
            check("closed: no account", answer.condition == "service-unavailable" and "secret" not in answer.raw, answer)
        x = server.login("cl-x")
        check("closed: users still see that they are registered", x.ask("get", GET).find(
            "{jabber:iq:register}query/{jabber:iq:register}registered") is not None)
        check("closed: and change their passwords", x.ask("set", form(username="cl-x", password="new")).get("type") == "result")
        check("closed: which counts", server.ctl("check_password", "cl-x", "localhost", "new").code == 0)
        check("closed: and is not in the log", "password>new" not in server.log())


def opened():
    with Server("opened", hosts=["localhost", "example.org"], modules={"register": {"open": True, "per_hour": 0}}) as server:
        server.register("op-taken")
        server.register("op-far", host="example.org")
        with server.client() as new:
            check("it is offered", new.features.find(FEATURE) is not None, new.features)
            answer = new.ask("get", GET)
            names = [e.tag.partition("}")[2] for e in answer.find("{jabber:iq:register}query")]
            check("name and password are asked for, and a form is beside them", names == [
                "instructions", "username", "password", "x"], answer)
            for fields, condition in (
                    ({}, "not-acceptable"), ({"username": "op-x"}, "not-acceptable"), ({"password": "x"}, "not-acceptable"),
                    ({"username": "op-x", "password": ""}, "not-acceptable"),
                    ({"username": "op x", "password": "x"}, "not-acceptable"),
                    ({"username": "op@x", "password": "x"}, "not-acceptable"),
                    ({"username": "x" * 1100, "password": "x"}, "not-acceptable"),
                    ({"username": "op-x", "password": "\u0627\u0031x"}, "not-acceptable"),
                    ({"username": "op-taken", "password": "x"}, "conflict"),
                    ({"username": "OP-Taken", "password": "x"}, "conflict"),
                    ({"remove": ""}, "registration-required")):
                answer = new.ask("set", form(**fields))
                check(f"{ {k: v[:20] for k, v in fields.items()} }: {condition}", answer.condition == condition, answer)
            check("an account is made", new.ask("set", form(username="Op-\ubd09\uc218", password="\ube44\ubc00")).get("type") ==
                  "result")
            new.login("op-\ubd09\uc218", "\ube44\ubc00")
            check("and logs in on the same stream, prepared", new.bare == "op-\ubd09\uc218@localhost", new.jid)
            check("which no longer offers it", new.features.find(FEATURE) is None)
            answer = new.ask("get", GET)
            check("it is registered now", answer.text("{jabber:iq:register}query/{jabber:iq:register}username") ==
                  "op-\ubd09\uc218" and "registered" in answer.raw and "\ube44\ubc00" not in answer.raw, answer)
            check("another one cannot be made", new.ask("set", form(username="op-two", password="x")).condition == "not-allowed")
            check("nor another's password changed", new.ask("set", form(username="op-taken", password="x")).condition ==
                  "not-allowed")
            check("an empty password changes nothing", new.ask("set", form(username="op-\ubd09\uc218", password="")).condition ==
                  "bad-request" and server.ctl("check_password", "op-\ubd09\uc218", "localhost", "\ube44\ubc00").code == 0)
            check("a new one is taken", new.ask("set", form(username="op-\ubd09\uc218", password="new"), to="localhost").get(
                "type") == "result")
            check("the old one no more", server.ctl("check_password", "op-\ubd09\uc218", "localhost", "\ube44\ubc00").code == 1)
            check("the session goes on", new.sync() is new)
            for payload in (GET, form(username="op-\ubd09\uc218", password="x"), form(remove="")):
                kind = "get" if payload == GET else "set"
                check(f"another host does not know it ({payload[35:60]})", new.ask(kind, payload, to="example.org").condition ==
                      "not-allowed")
            check("and deletes nothing", server.ctl("check_account", "op-\ubd09\uc218", "localhost").code == 0)
            check("another account is not asked", new.ask("set", form(remove=""), to="op-taken@localhost").condition ==
                  "service-unavailable")
            answer = new.ask("set", form(remove="", username="op-\ubd09\uc218"))
            check("remove stands alone", answer.condition == "bad-request", answer)


def data_form(kind="submit", form_type="jabber:iq:register", **fields):
    return (f"<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='{kind}'>"
            + (f"<field var='FORM_TYPE' type='hidden'><value>{form_type}</value></field>" if form_type else "")
            + "".join(f"<field var='{k}'><value>{v}</value></field>" for k, v in fields.items()) + "</x></query>")


def fields_of(answer):
    """Of a data form: {var: (type, values, required)}, title and instructions aside."""
    return {f.get("var"): (f.get("type"), [v.text for v in f.findall("{jabber:x:data}value")],
                           f.find("{jabber:x:data}required") is not None)
            for f in answer.all("{jabber:iq:register}query/{jabber:x:data}x/{jabber:x:data}field")}


def data_forms():
    """XEP-0077 4: the same as a data form, for clients that understand it."""
    with Server("forms", modules={"register": {"open": True, "per_hour": 0}}) as server:
        server.register("fo-taken")
        with server.client() as new:
            check("a form", fields_of(new.ask("get", GET)) == {
                "FORM_TYPE": ("hidden", ["jabber:iq:register"], False), "username": ("text-single", [], True),
                "password": ("text-private", [], True)}, new.ask("get", GET))
            for payload, condition in (
                    (data_form(), "not-acceptable"), (data_form(username="fo-x"), "not-acceptable"),
                    (data_form(username="fo-x", password=""), "not-acceptable"),
                    (data_form(username="fo x", password="x"), "not-acceptable"),
                    (data_form(username="fo-taken", password="x"), "conflict"),
                    (data_form(form_type="urn:other", username="fo-x", password="x"), "bad-request"),
                    (data_form(form_type="jabber:iq:register:changepassword", username="fo-x", password="x"), "bad-request"),
                    (data_form(form_type=None, username="fo-x", password="x"), "bad-request"),
                    (data_form(kind="form", username="fo-x", password="x"), "bad-request"),
                    (data_form(kind="nonsense", username="fo-x", password="x"), "bad-request"),
                    (data_form(username="fo-x", password="x").replace("<x ", "<remove/><x "), "registration-required")):
                answer = new.ask("set", payload)
                check(f"{payload[32:130]}: {condition}", answer.condition == condition, answer)
            check("one may think better of it", new.ask("set", data_form(kind="cancel")).get("type") == "result")
            check("and nothing was made", server.ctl("check_account", "fo-x", "localhost").code == 1)
            answer = new.ask("set", data_form(username="Fo-New", password="geheim").replace(
                "<x ", "<username>fo-other</username><password>x</password><x "))
            check("an account is made; the form counts", answer.get("type") == "result", answer)
            new.login("fo-new", "geheim")
            answer = new.ask("get", GET)
            check("the form of one who is registered names him", fields_of(answer)["username"] == (
                "text-single", ["fo-new"], True) and answer.find("{jabber:iq:register}query/{jabber:iq:register}registered")
                is not None, answer)
            check("another's password is not his", new.ask("set", data_form(username="fo-taken", password="x")).condition ==
                  "not-allowed")
            check("none is no password", new.ask("set", data_form(username="fo-new")).condition == "bad-request")
            for number, form_type in enumerate(("jabber:iq:register", "jabber:iq:register:changepassword")):
                check(f"{form_type} changes the password", new.ask("set", data_form(
                    form_type=form_type, username="fo-new", password=f"new{number}")).get("type") == "result")
                check("which counts", server.ctl("check_password", "fo-new", "localhost", f"new{number}").code == 0)
            check("a form beside remove is too much", new.ask("set", data_form(username="fo-new", password="x").replace(
                "<x ", "<remove/><x ")).condition == "bad-request")
            check("no password is in the log", "new0" not in server.log() and "geheim" not in server.log())


def limits():
    """Attempts are counted for each address."""
    with Server("limits", modules={"register": {"open": True, "per_hour": 3}}) as server:
        answers = []
        for n in range(5):
            with server.client() as new:
                answers.append(new.ask("set", form(username=f"lim-{n}", password="x")))
        check("three accounts an hour", [a.condition for a in answers] == [None] * 3 + ["resource-constraint"] * 2, answers)
        check("later ones may try again", answers[-1].find("c:error").get("type") == "wait", answers[-1])
        with server.client(source="127.0.0.2") as other:
            check("another address may", other.ask("set", form(username="lim-other", password="x")).get("type") == "result")
        with server.client() as starting:
            starting.send(f"<iq type='set' id='1'>{form(username='lim-9', password='x')}</iq>")
            starting.send(f"<iq type='get' id='2'>{GET}</iq>")
            check("the form is still told", starting.wait("id='1'").condition == "resource-constraint" and
                  starting.wait("id='2'").get("type") == "result")
    with Server("needs-tls", modules={"register": {"open": True}}) as server:
        plain = server.connect("starttls")
        plain.open()
        check("where TLS is required nothing is offered before it", plain.features.find(FEATURE) is None)
        plain.send(f"<iq type='set' id='1'>{form(username='lim-plain', password='x')}</iq>")
        check("or done", plain.ended() == "not-authorized", plain.error)


def fill(server, x, y):
    """Rows in every table that an account can have rows in."""
    for payload in ("<vCard xmlns='vcard-temp'><FN>X</FN></vCard>",
                    "<query xmlns='jabber:iq:private'><a xmlns='urn:a'>1</a></query>",
                    "<block xmlns='urn:xmpp:blocking'><item jid='bad@example.org'/></block>",
                    "<query xmlns='jabber:iq:roster'><item jid='other@example.org' name='o'/></query>",
                    "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n'><item id='1'><a xmlns='urn:a'/></item>"
                    "</publish></pubsub>"):
        check(f"kept: {payload[1:40]}", x.ask("set", payload).get("type") == "result")
    y.send("<presence type='subscribe' to='del-x@localhost'/>")
    x.available()
    x.send(f"<message to='{y.bare}' type='chat'><body>1</body></message>")
    x.send("<presence type='unavailable'><status>bye</status></presence>")
    x.sync()
    y.send("<message to='del-x@localhost' type='chat'><body>later</body></message>")
    y.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to="del-x@localhost")


def removal():
    with Server("removal") as server:
        server.register("del-x", "del-y", "del-friend")
        server.ctl("add_rosteritem", "del-x", "localhost", "del-friend", "localhost", "", "", "both")
        server.ctl("add_rosteritem", "del-friend", "localhost", "del-x", "localhost", "", "", "both")
        y, friend = server.login("del-y"), server.login("del-friend")
        friend.ask("get", "<query xmlns='jabber:iq:roster'/>")
        friend.available()
        x, other = server.login("del-x", "x"), server.login("del-x", "other")
        fill(server, x, y)
        wait_for("the store has rows of it", lambda: {
            "account", "credential", "roster", "vcard", "private_xml", "block", "pending", "last_activity", "roster_version",
            "pep_node", "pep_item", "home_number"} <= rows_of(server, "del-x@localhost"))
        number = query(server, "SELECT number FROM home_number WHERE owner = 'del-x@localhost'")[0][0]
        check("and its history", archived(server, number) == 2)
        other.available("<priority>-1</priority>")
        friend.wait(f"from='{other.jid}'")
        friend.sync().take()
        answer = x.ask("set", form(remove=""))
        check("removal is answered", answer.get("type") == "result", answer)
        check("then all its streams end", [s.ended() for s in (x, other)] == ["not-authorized"] * 2, (x.error, other.error))
        got = [friend.wait("from='del-x@localhost").get("type") for _ in range(3)]
        check("contacts see the end of presence and subscriptions", sorted(got) ==
              ["unavailable", "unsubscribe", "unsubscribed"], got)
        check("and their rosters follow", "subscription='none'" in friend.ask("get", "<query xmlns='jabber:iq:roster'/>").raw)
        y.send("<presence type='unsubscribe' to='del-x@localhost'/>")
        friend.ask("set", "<query xmlns='jabber:iq:roster'><item jid='del-x@localhost' subscription='remove'/></query>")
        y.ask("get", "<ping xmlns='urn:xmpp:ping'/>", to="del-x@localhost")
        y.sync()
        left = rows_of(server, "del-x@localhost")
        check("nothing of its own is left", not left - {"roster"}, left)  # in which others may have it
        check("nor of its history", archived(server, number) == 0)
        refused("it cannot log in", lambda: server.login("del-x"))
        check("its name looks like one that nobody registered", y.ask("get", "<vCard xmlns='vcard-temp'/>",
                                                                     to="del-x@localhost").condition == "service-unavailable")
        server.register("del-x")
        again = server.login("del-x")
        again.available()
        again.sync()
        check("whoever takes the name inherits nothing", not [e for e in again.take() if e.name == "message" or
                                                              e.get("type") == "subscribe"])
        check("no contacts", not again.ask("get", "<query xmlns='jabber:iq:roster'/>").all(".//{jabber:iq:roster}item"))
        check("no blocks", not again.ask("get", "<blocklist xmlns='urn:xmpp:blocking'/>").all(".//{urn:xmpp:blocking}item"))
        check("no card", "<FN>" not in again.ask("get", "<vCard xmlns='vcard-temp'/>").raw)


run(closed, opened, data_forms, limits, removal)
