#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""check.py [--short] KO ROOT [NAME]...: real programs, in the virtual machine. ROOT is where the packages are unpacked;
its usr comes over the machine's. A file here, NAME.py, is a program: cases(), which gives pairs of a name and a
function, or

    PORT            that it listens on
    SOCKETS         with how many sockets; 1 when it does not say
    listens(stack)  instead of these two: whether it listens
    serve(stack)    starts the server, which gets a stage.Running
    use(stack, host)  has a client do something with it, and compares what has come

which runs with the server on xtcp and the client too, with each of them alone, and over both IP versions, or PARTS,
several such with a NAME each. A file that has begin() begins before all others, and its cases come last but for those
of a file with REPLACES_MODULE. --short: each pair of stacks once, over one IP version."""

import importlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import stage  # noqa: E402

NOT_PROGRAMS = ("check", "stage", "python_ends", "tap", "clients")


def unpacked(root):
    """The packages' files, without installing them: they lie over the machine's own."""
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", "lowerdir=%s/usr:/usr" % root, "/usr"], check=True)
    subprocess.run("cp -an %s/etc/. /etc/; mkdir -p /run/sshd /var/empty; ldconfig" % root, shell=True, check=True)
    with open("/etc/passwd") as file:
        there = file.read()
    with open("/etc/passwd", "a") as users, open("/etc/group", "a") as groups:
        for uid, name in enumerate(("sshd", "redis", "postgres", "mysql", "opensmtpd", "opensmtpq"), 900):
            if "\n%s:" % name not in there:
                users.write("%s:x:%d:%d::/tmp/stage:/bin/bash\n" % (name, uid, uid))
                groups.write("%s:x:%d:\n" % (name, uid))


class Served:
    """A program's server on a stack, from its first use to stop()."""

    def __init__(self, program, stack):
        self.program = program
        self.stack = stack
        self.server = None

    def listens(self):
        if hasattr(self.program, "listens"):
            return self.program.listens(self.stack)
        return stage.listens("server", self.stack, self.program.PORT, getattr(self.program, "SOCKETS", 1))

    def use(self, client_stack, host):
        proof = stage.Proof(server=self.stack, client=client_stack)
        try:
            if not self.server:
                self.server = self.program.serve(self.stack)
            stage.wait(self.listens, "listener", running=self.server)
            self.program.use(client_stack, host)
            proof.check()
        except stage.Wrong:
            if self.server:
                stage.say(self.server.said())
            raise

    def stop(self):
        if self.server:
            self.server.stop()


def pairs(name, program):
    """One server for as long as the two stacks are the same, a result for each IP version."""
    served, last = None, None
    for server_stack, client_stack, host in stage.pairs():
        if last != (server_stack, client_stack):
            if served:
                served.stop()
            served, last = Served(program, server_stack), (server_stack, client_stack)
        stage.case("%s: %s" % (name, stage.who(server_stack, client_stack, host)), served.use, client_stack, host)
    served.stop()


def main():
    words = sys.argv[1:]
    if words[0] == "--short":
        stage.short = True
        words = words[1:]
    ko, root, names = words[0], words[1], words[2:]
    unpacked(root)
    subprocess.run(["insmod", ko], check=True)
    stage.make()
    names = names or sorted(name[:-3] for name in os.listdir(HERE)
                            if name.endswith(".py") and name[:-3] not in NOT_PROGRAMS)
    programs = [(name, importlib.import_module(name)) for name in names]
    programs.sort(key=lambda pair: (hasattr(pair[1], "REPLACES_MODULE"), hasattr(pair[1], "begin")))
    for name, program in programs:
        if hasattr(program, "begin"):
            stage.case("%s: begin" % name, program.begin)
    for name, program in programs:
        if hasattr(program, "cases"):
            for what, steps in program.cases():
                stage.case("%s: %s" % (name, what), steps)
        elif hasattr(program, "PARTS"):
            for part in program.PARTS:
                pairs("%s: %s" % (name, part.NAME), part)
        else:
            pairs(name, program)
    stage.end()


if __name__ == "__main__":
    main()
