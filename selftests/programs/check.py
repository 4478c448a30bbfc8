#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""check.py KO ROOT [NAME]...: real programs, in the virtual machine. ROOT is where the packages are unpacked; its usr
comes over the machine's. A file here, NAME.py, is a program: cases(), which gives pairs of a name and a function, or

    PORT            that it listens on
    serve(stack)    starts the server, which gets a stage.Running
    use(stack, host)  has a client do something with it, and compares what has come

which runs with the server on xtcp and the client too, the server alone over IPv6, and the client alone."""

import importlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import stage  # noqa: E402

PAIRS = (("xtcp", "xtcp", stage.SERVER4), ("xtcp", "kernel", stage.SERVER6), ("kernel", "xtcp", stage.SERVER4))


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


def pair(program, server_stack, client_stack, host):
    proof = stage.Proof(server=server_stack, client=client_stack)
    server = program.serve(server_stack)
    try:
        stage.wait(lambda: stage.listens("server", server_stack, program.PORT), "listener", running=server)
        program.use(client_stack, host)
        proof.check()
    except stage.Wrong:
        stage.say(server.said())
        raise
    finally:
        server.stop()


def main():
    ko, root, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    unpacked(root)
    subprocess.run(["insmod", ko], check=True)
    stage.make()
    names = names or sorted(name[:-3] for name in os.listdir(HERE)
                            if name.endswith(".py") and name not in ("check.py", "stage.py"))
    for name in names:
        program = importlib.import_module(name)
        if hasattr(program, "cases"):
            for what, steps in program.cases():
                stage.case("%s: %s" % (name, what), steps)
            continue
        for server_stack, client_stack, host in PAIRS:
            what = "server on %s, client on %s, %s" % (server_stack, client_stack, "IPv6" if ":" in host else "IPv4")
            stage.case("%s: %s" % (name, what), pair, program, server_stack, client_stack, host)
    stage.end()


if __name__ == "__main__":
    main()
