#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""check.py KO FOLDER: all examples, in the virtual machine; FOLDER has the programs in C. Each server once
as it asks for AF_XTCP itself, once as a program of kernel TCP under xtcp_run, with a client in C of the same kind and one
in Python of the other kind, over IPv4 and IPv6. A server that takes several has both at once, while another one is
connected and silent. Contents by hash, stacks by counters."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE + "/../programs")
import stage  # noqa: E402

ECHO = ("echo_server", "fork_server", "thread_server", "select_server", "poll_server", "epoll_server",
        "echo_server.py", "fork_server.py", "thread_server.py", "select_server.py", "epoll_server.py")
FRAME = ("frame_server", "frame_server.py")
PORT = 7000


def words(name, way, *more):
    """A program, as it asks for xtcp itself ("bare"), or knows nothing of it ("xtcp": xtcp_run does)."""
    path = (HERE if name.endswith(".py") else BIN) + "/" + name
    python = ["/usr/bin/python3", "-S"] if name.endswith(".py") else []
    return python + [path] + (["-x"] if way == "bare" else []) + list(map(str, more))


class Client:
    def __init__(self, name, way, host, data):
        self.name, self.data = name + ", " + way + ", " + host, data
        self.process = subprocess.Popen(stage.command("client", way, words(name, way, host, PORT)),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def must_get(self, want):
        out, err = self.process.communicate(self.data, stage.SECONDS)
        stage.must(self.process.returncode == 0, "%s: %s" % (self.name, err.decode()))
        stage.must(stage.sha(out) == stage.sha(want),
                   "%s: %d octets, others than %d" % (self.name, len(out), len(want)))


def serve(name, way):
    server = stage.Running("server", way, *words(name, way, PORT))
    stage.wait(lambda: stage.listens("server", way, PORT), "listener", running=server)
    return server


def clients(name, way, data):
    """One in each language, of one kind each, over one IP version each; the server's other way swaps both. A client
    begins when it is asked for: before that a server that takes one after the other would wait for its input."""
    hosts = (stage.SERVER6, stage.SERVER4)
    other, hosts = ("xtcp", hosts) if way == "bare" else ("bare", hosts[::-1])
    yield Client(name, way, hosts[0], data)
    yield Client(name + ".py", other, hosts[1], data)


def echo(name, way):
    proof = stage.Proof(client="xtcp", server="xtcp")
    server = serve(name, way)
    silent = None
    many = not name.startswith("echo")  # that one takes a client after the other: a silent one would be the last
    try:
        if many:
            silent = Client("echo_client", "bare", stage.SERVER4, b"")
            stage.wait(lambda: stage.counters("server")["xtcp"]["CurrEstab"] > 0, "the silent client")
        data = os.urandom(200000)
        asking = clients("echo_client", way, data)
        for client in list(asking) if many else asking:
            client.must_get(data)
        if silent:
            silent.must_get(b"")
        proof.check(2)
    finally:
        server.stop()


def frames(name, way):
    proof = stage.Proof(client="xtcp", server="xtcp")
    server = serve(name, way)
    try:
        lines = [os.urandom(n).hex().encode() for n in (1, 0, 2000, 3, 1, 0, 0, 700, 1, 5, 40, 0, 90)]
        want = b"".join(line[::-1] + b"\n" for line in lines)
        for client in clients("frame_client", way, b"\n".join(lines) + b"\n"):
            client.must_get(want)
        proof.check(2)
    finally:
        server.stop()


def manual():
    """The program that xtcp(7) shows."""
    proof = stage.Proof(client="xtcp", server="xtcp")
    server = serve("echo_server", "bare")
    try:
        said = subprocess.run(stage.command("client", "bare", [BIN + "/manual", stage.SERVER4, str(PORT)]),
                              stdout=subprocess.PIPE, timeout=stage.SECONDS, check=True).stdout
        stage.must(said == b"Hello", "said %r" % said)
        proof.check()
    finally:
        server.stop()


ko, BIN = sys.argv[1], sys.argv[2]
subprocess.run(["insmod", ko], check=True)
stage.make()
for way, text in (("bare", "asks for AF_XTCP"), ("xtcp", "under xtcp_run")):
    for server_name in ECHO:
        stage.case("%s %s" % (server_name, text), echo, server_name, way)
    for server_name in FRAME:
        stage.case("%s %s" % (server_name, text), frames, server_name, way)
stage.case("xtcp(7)", manual)
stage.end()
