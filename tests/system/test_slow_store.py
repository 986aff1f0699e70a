#!/usr/bin/env python3
"""The store stands still for a while, and clients do not.

What a client sent waits for its commit, and so does whatever comes behind it: the end of its session, too.
"""
from bongsu import Server, check, run
from bongsu.sm import enable, is_sm


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


run(gone_meanwhile)
