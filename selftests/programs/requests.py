# SPDX-License-Identifier: GPL-2.0
"""nginx and curl: 10,000 requests on one connection, and 1,000 with a connection each; each answer is looked at."""

import os

import nginx
import stage
from stage import Proof, must, run, wait, work


def many(server, client, more, n, connections):
    os.makedirs(work + "/www", exist_ok=True)
    with open(work + "/www/small", "wb") as file:
        file.write(b"0123456789abcdef")
    proof = Proof(server=server, client=client)
    running = nginx.serve(server)
    try:
        wait(lambda: stage.listens("server", server, 8080), "listener", running=running)
        got = run("client", client, "curl", "-sS", *more, "-w", "%{num_connects}\n",
                  "http://10.77.0.2:8080/small?[1-%d]" % n)
        answers = got.replace(b"0123456789abcdef", b"").split()
        must(got.count(b"0123456789abcdef") == n, "%d answers" % got.count(b"0123456789abcdef"))
        # nginx ends a connection after 1,000 requests
        must(answers.count(b"1") == connections, "%d connections" % answers.count(b"1"))
        proof.check(connections)
    finally:
        running.stop()


def cases():
    for server, client in (("xtcp", "xtcp"), ("xtcp", "kernel"), ("kernel", "xtcp")):
        for name, more, n, connections in (("10,000 requests, kept connections", [], 10000, 10),
                                           ("1,000 connections", ["-H", "Connection: close"], 1000, 1000)):
            yield ("%s, server on %s, client on %s" % (name, server, client),
                   lambda args=(server, client, more, n, connections): many(*args))
