#!/usr/bin/env python3
"""The store stands still for a while, and clients do not.

What a client sent waits for its commit, and so does whatever comes behind it: the end of its session, too. When the server stops, it takes no more and waits for what it has.
"""
import signal
import threading

from bongsu import Server, check, run
from bongsu.sm import SM, enable, is_sm


def gone_meanwhile():
    """A client that owes an ack closes its stream; its last message is not on disk yet."""
    with Server() as server:
        server.register("alice", "bob")
        alice, bob = (enable(server.login(user), resume=None) for user in ("alice", "bob"))
        alice.available()
        with server.held():
            bob.send(f"<message to='{alice.jid}' type='headline'><body>one</body></message>")
            alice.wait("<body>one</body>")
            alice.send(f"<message to='{bob.jid}' type='chat'><body>last</body></message></stream:stream>")
            check("the stream is closed", alice.ended() == "")
            bob.take()
            bob.available()
            bob.wait(is_sm("r"))  # as late as alice would have been asked
            check("the server lives", server.process.poll() is None, server.process.poll())
        check("the message arrives", bob.wait("<body>last</body>"))
        server.stop()


def flooded():
    """The server is stopped while a client sends as fast as it can: no more is taken, and what was acknowledged is there."""
    with Server(c2s={"stanzas_per_second": 0, "bytes_per_second": 0}) as server:
        server.register("alice", "bob")
        alice = enable(server.login("alice"), resume=None)
        some = "<message to='bob@localhost' type='chat'><body>x</body></message>" * 20 + f"<r xmlns='{SM}'/>"
        sent = []

        def flood():
            try:
                while True:
                    alice.send(some)
                    sent.append(20)
            except OSError:
                pass

        sender = threading.Thread(target=flood)
        sender.start()
        while len(sent) < 20:
            alice.wait(is_sm("a"))
        server.process.send_signal(signal.SIGTERM)
        check("the client is told", alice.ended() == "system-shutdown")
        acked = max(int(e.get("h")) for e in alice.came if is_sm("a")(e))
        alice.close()
        sender.join()
        server.stop()
        server.start()
        kept = int(server.ctl("get_offline_count", "bob", "localhost").out)
        check("what was acknowledged is there", acked <= kept <= sum(sent) + 20, (acked, kept, sum(sent)))
        check("and little more: what came late was not taken", kept - acked < 5000, (acked, kept))
        server.stop()


run(gone_meanwhile, flooded)
