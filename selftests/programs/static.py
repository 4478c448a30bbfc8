# SPDX-License-Identifier: GPL-2.0
"""Static programs: the examples in C with musl, and busybox, which is static with glibc."""

import os
import subprocess

import stage
from stage import Proof, Running, must, run, sha, wait, work

EXAMPLES = stage.TOP + "/selftests/examples"


def musl(server, client):
    for name in ("epoll_server", "echo_client"):
        if not os.path.exists("%s/%s" % (work, name)):
            subprocess.run(["musl-gcc", "-static", "-O2", "-D_GNU_SOURCE", "-I", stage.TOP + "/include/uapi",
                            "-o", "%s/%s" % (work, name), "%s/%s.c" % (EXAMPLES, name), EXAMPLES + "/tcp.c"], check=True)
    data = os.urandom(500000)
    proof = Proof(server=server, client=client)
    running = Running("server", server, work + "/epoll_server", "7100")
    try:
        wait(lambda: stage.listens("server", server, 7100), "listener", running=running)
        for host in (stage.SERVER4, stage.SERVER6):
            must(sha(run("client", client, work + "/echo_client", host, "7100", data=data)) == sha(data), host)
        proof.check(2)
    finally:
        running.stop()


def busybox(server, client, host):
    os.makedirs(work + "/www", exist_ok=True)
    with open(work + "/www/b.bin", "wb") as file:
        file.write(os.urandom(300000))
    proof = Proof(server=server, client=client)
    running = Running("server", server, "busybox", "httpd", "-f", "-p", "7101", "-h", work + "/www")
    try:
        wait(lambda: stage.listens("server", server, 7101), "listener", running=running)
        got = run("client", client, "busybox", "wget", "-q", "-O", "-", "http://%s:7101/b.bin" % stage.in_url(host))
        with open(work + "/www/b.bin", "rb") as file:
            must(sha(got) == sha(file.read()), "%d octets" % len(got))
        proof.check()
    finally:
        running.stop()


def cases():
    for server, client in (("xtcp", "xtcp"), ("xtcp", "kernel"), ("kernel", "xtcp")):
        yield ("musl, server on %s, client on %s, both IP versions" % (server, client),
               lambda args=(server, client): musl(*args))
    for server, client, host in stage.pairs():
        yield "busybox, " + stage.who(server, client, host), lambda args=(server, client, host): busybox(*args)
