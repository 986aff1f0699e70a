"""Checks of what `bongsuctl` answers, the same for all commands.

    cli = Cli(server)
    cli.gives("a room's nick", "juliet\n", "muc_get_registered_nick", ...)
"""

from .checks import check


class Cli:
    def __init__(self, server):
        self.server = server

    def gives(self, what, out, *arguments, stdin=None):
        done = self.server.ctl(*arguments, stdin=stdin)
        return check(what, done == (0, out, ""), done)

    def fails(self, what, complaint, *arguments):
        """The command fails with one line, in which there is that text."""
        done = self.server.ctl(*arguments)
        return check(what, done.code == 1 and not done.out and complaint in done.err and done.err.count("\n") == 1, done)

    def wants(self, what, allowed, *arguments):
        """An argument is none of what it may be."""
        done = self.server.ctl(*arguments)
        return check(what, done.code == 2 and allowed in done.err, done)

    def usage(self, *commands):
        """Too few and too many arguments, and help."""
        for command, count in commands:
            for number in (count - 1, count + 1):
                done = self.server.ctl(command, *["x"] * number)
                check(f"{command} of {number} arguments",
                      done.code == 2 and f"the command '{command}' requires 1 " in done.err, done)
            done = self.server.ctl("help", command)
            check(f"help of {command}", done.code == 0 and "Example:" in done.out and command in done.out, done)
