"""What system tests are written with: a real server, raw clients, checks that are counted.

    from bongsu import Server, check, run

    def greeting():
        with Server() as server:
            server.register("alice", "bob")
            alice, bob = server.login("alice"), server.login("bob")
            alice.send(f"<message to='{bob.jid}'><body>hi</body></message>")
            check("it arrives", bob.wait("<body>hi</body>").get("from") == alice.jid)

    run(greeting)

server.py has Server, client.py has Client and Element, scram.py the client's side of SCRAM, tls.py certificates and
channel bindings. Everything waits for events and gives up after WAIT seconds.
"""
from bongsu.checks import WAIT, check, refused, run, skip, wait_for
from bongsu.client import Client, Element, Ended, Late, escape
from bongsu.scram import Scram
from bongsu.server import Done, Server
from bongsu.tls import certificate, client_context

__all__ = ["WAIT", "Client", "Done", "Element", "Ended", "Late", "Scram", "Server", "certificate", "check",
           "client_context", "escape", "refused", "run", "skip", "wait_for"]
