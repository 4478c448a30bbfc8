# SPDX-License-Identifier: GPL-2.0
"""haproxy reloads while clients connect: a new process takes the place of the old one (-sf). Either the old one hands
its listening sockets over (expose-fd listeners, -x), or the new one listens beside it by SO_REUSEPORT, and what the old
one has not accepted moves to the new one with migrate_req. On both stacks; what is lost is counted on both, and has to
be nothing on xtcp with either."""

import os
import subprocess

import reload
import stage
from stage import Proof, Running, must, wait, work

PORT = 8095
RELOADS, LAB_RELOADS = 5, 40  # each takes seconds in an emulated machine
CONF = """global
 maxconn 400
 {socket}
defaults
 mode http
 timeout connect 20s
 timeout client 20s
 timeout server 20s
frontend f
 bind :::{p} v4v6
 http-request return status 200 content-type text/plain string "a small file"
"""


def haproxy(stack, handed, old=None):
    """A process; it ends @old when it listens itself."""
    words = ["haproxy", "-db", "-f", work + "/reload.cfg"]
    if old:
        words += ["-x", work + "/admin.sock"] * handed + ["-sf", str(old.process.pid)]
    return Running("server", stack, *words)


def reloaded(stack, handed, old):
    new = haproxy(stack, handed, old)
    wait(lambda: old.process.poll() is not None, "the end of the old haproxy", running=new)
    return new


def reloads(stack, handed, knob):
    name = "net.ipv4.tcp_migrate_req" if stack == "kernel" else "net.xtcp.migrate_req"
    subprocess.run(["ip", "netns", "exec", "server", "sysctl", "-qw", "%s=%d" % (name, knob)], check=True)
    with open(work + "/reload.cfg", "w") as file:
        socket = "stats socket %s/admin.sock level admin expose-fd listeners" % work if handed else ""
        file.write(CONF.format(socket=socket, p=PORT))
    count = LAB_RELOADS if stage.in_laboratory() else RELOADS
    proof, before, client = Proof(server=stack, client="kernel"), reload.moved(stack), None
    server = haproxy(stack, handed)
    try:
        wait(lambda: stage.listens("server", stack, PORT), "haproxy", running=server)
        client = reload.Clients(PORT)
        for _ in range(count):
            server = reloaded(stack, handed, server)
        said, lost = client.end()
        moved = reload.moved(stack) - before
        stage.say("%s, sockets %s, migrate_req %d: %d reloads, %s, %d moved" % (
            stack, "handed over" if handed else "not handed over", knob, count, said, moved))
        proof.check()
        must(not (stack == "xtcp" and (knob or handed) and lost), "lost")
        must(knob or not moved, "moved without the knob")
    except stage.Wrong:
        stage.say(server.said())
        raise
    finally:
        for one in (client, server):
            if one:
                one.stop()
        if os.path.exists(work + "/admin.sock"):
            os.unlink(work + "/admin.sock")


def cases():
    for stack in ("xtcp", "kernel"):
        for handed, knob in ((False, 0), (False, 1), (True, 0)):
            what = "hands its sockets over" if handed else "migrate_req %d" % knob
            yield ("haproxy reloads on %s, %s" % (stack, what),
                   lambda args=(stack, handed, knob): reloads(*args))
