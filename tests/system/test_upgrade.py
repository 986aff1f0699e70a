#!/usr/bin/env python3
"""A database that an older version made, and one that a newer version made.

The older one has the first steps of the schema and an account with a contact and a kept message: at
start it gets the missing steps, once, and the user finds all of it. A database with a step that this program does not
know, or knows by another name, is refused in one clear line and left alone.
"""
import hashlib
import hmac
import os
import re
import sqlite3
import subprocess
from pathlib import Path

from bongsu import WAIT, Server, check, run
from bongsu.server import BONGSUD, STORE

FIRST = 8  # steps of the older version
DRIVER = "mariadb" if "mariadb" in STORE else "sqlite"
STEPS = sorted((Path(os.environ["BONGSU_SOURCE"]) / "sql" / DRIVER).glob("*.sql"))
SALT = b"0123456789abcdef"
server = Server("upgrade")


def sql(text):
    """Runs statements and returns the lines of their rows."""
    if DRIVER == "mariadb":
        settings = dict(re.findall(r'(\w+): "?([^",}]+)', STORE))
        return subprocess.run(["mariadb", "--skip-column-names", f"--socket={settings['socket']}", f"--user={settings['user']}",
                               f"--password={settings['password']}", settings["database"]], input=text, text=True,
                              stdout=subprocess.PIPE, check=True).stdout.splitlines()
    server.data.mkdir(exist_ok=True)
    db = sqlite3.connect(server.data / "bongsu.sqlite", timeout=WAIT)
    rows = []
    for statement in text.split(";\n"):
        rows += ["\t".join(map(str, row)) for row in db.execute(statement)]
    db.commit()
    db.close()
    return rows


def name_of(step):
    return step.stem.partition("_")[2]


def note_of(number, name):
    return f"INSERT INTO schema_migrations (owner, number, name, applied) VALUES ('core', {number}, '{name}', 1);\n"


def hexadecimal(data):
    return f"X'{data.hex()}'"


def old_account():
    """As the first version wrote it."""
    salted = hashlib.pbkdf2_hmac("sha1", b"secret", SALT, 4096)
    stored = hashlib.sha1(hmac.digest(salted, b"Client Key", "sha1")).digest()
    keys = ", ".join(map(hexadecimal, (stored, hmac.digest(salted, b"Server Key", "sha1"))))
    message = "<message from='far@localhost/x' to='old@localhost' type='chat'><body>kept</body></message>"
    return (f"INSERT INTO account (owner, host, created) VALUES ('old@localhost', 'localhost', 1);\n"
            "INSERT INTO credential (owner, mechanism, salt, iterations, stored_key, server_key) VALUES "
            f"('old@localhost', 'SCRAM-SHA-1', {hexadecimal(SALT)}, 4096, {keys});\n"
            "INSERT INTO roster (owner, contact, name, subscription, ask, approved, groups, version, removed) VALUES "
            "('old@localhost', 'far@localhost', 'Far', 3, 0, 0, '[]', 1, 0);\n"
            "INSERT INTO roster_version (owner, version) VALUES ('old@localhost', 1);\n"
            f"INSERT INTO offline (owner, id, at, stanza) VALUES ('old@localhost', 77, 1000, {hexadecimal(message.encode())})")


def older():
    sql("CREATE TABLE schema_migrations (owner VARBINARY(64) NOT NULL, number INTEGER NOT NULL, name VARBINARY(64) NOT NULL,"
        " applied BIGINT NOT NULL, PRIMARY KEY (owner, number));\n")
    for number, step in enumerate(STEPS[:FIRST], 1):
        lines = [line for line in step.read_text(encoding="utf-8").splitlines(True) if not line.startswith("--")]
        sql("".join(lines) + ";\n" + note_of(number, name_of(step)))
    sql(old_account())
    with server:
        done = re.findall(r"applied migration core (\d+) \((\w+)\)", server.log())
        check("the missing steps are applied", done == [(str(int(s.stem[:4])), name_of(s)) for s in STEPS[FIRST:]], done)
        with server.login("old") as old:
            check("the contact is there", old.ask("get", "<query xmlns='jabber:iq:roster'/>").find(
                ".//{jabber:iq:roster}item[@jid='far@localhost'][@subscription='both'][@name='Far']") is not None)
            old.send("<presence/>")
            check("the kept message comes", old.wait("<body>kept</body>").find("{urn:xmpp:delay}delay").get("stamp").startswith("1970-"))
        server.stop()
        server.start()
        check("they are applied once", "applied migration" not in server.log())
        server.stop()


def refused(what, *words):
    done = subprocess.run([BONGSUD, "--config", str(server.path)], capture_output=True, text=True, timeout=WAIT, check=False)
    lines = [line for line in done.stderr.splitlines() if re.search(" (warn|error) ", line) and "open files" not in line]
    check(f"{what} is refused with one clear line", done.returncode == 1 and len(lines) == 1 and all(w in lines[0] for w in words),
          (done.returncode, done.stderr))


def newer():
    before = sql("SELECT number, name FROM schema_migrations ORDER BY number")
    sql(note_of(9999, "future"))
    refused("a database of a newer program", "newer", "9999", "future")
    sql("DELETE FROM schema_migrations WHERE number = 9999;\nUPDATE schema_migrations SET name = 'other' WHERE number = 1")
    refused("a database with another history", "other", name_of(STEPS[0]))
    sql(f"UPDATE schema_migrations SET name = '{name_of(STEPS[0])}' WHERE number = 1")
    check("and left as it was", sql("SELECT number, name FROM schema_migrations ORDER BY number") == before)


run(older, newer)
