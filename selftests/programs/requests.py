# SPDX-License-Identifier: GPL-2.0
"""nginx and curl: 10,000 requests one after the other, and 1,000 with a connection each; over the other IP version a
tenth of it. Each answer is looked at."""

import os

import nginx
import stage
from stage import Proof, must, run, wait, work


def many(server, client, host, more, n, connections):
    os.makedirs(work + "/www", exist_ok=True)
    with open(work + "/www/small", "wb") as file:
        file.write(b"0123456789abcdef")
    proof = Proof(server=server, client=client)
    running = nginx.serve(server)
    try:
        wait(lambda: stage.listens("server", server, 8080, 2), "listener", running=running)
        got = run("client", client, "curl", "-sS", *more, "-w", "%{num_connects}\n",
                  "http://%s:8080/small?[1-%d]" % (stage.in_url(host), n))
        answers = got.replace(b"0123456789abcdef", b"").split()
        must(got.count(b"0123456789abcdef") == n, "%d answers" % got.count(b"0123456789abcdef"))
        # nginx ends a connection after 1,000 requests
        must(answers.count(b"1") == connections, "%d connections" % answers.count(b"1"))
        proof.check(connections)
    finally:
        running.stop()


def cases():
    for server, client, host in stage.pairs():
        kept, each = (10000, 100) if host == stage.SERVER4 else (1000, 1000)
        for what, more, n, connections in (("kept connections", [], kept, kept // 1000),
                                           ("a connection each", ["-H", "Connection: close"], each, each)):
            yield ("%d requests, %s, %s" % (n, what, stage.who(server, client, host)),
                   lambda args=(server, client, host, more, n, connections): many(*args))
