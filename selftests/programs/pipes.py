# SPDX-License-Identifier: GPL-2.0
"""socat: 2 MB there and back; ncat: 2 MB there, and 2 MB back."""

import os

import stage
from stage import Proof, Running, must, run, sha, wait, work


def exchange(server, client, server_words, client_words):
    data = os.urandom(2000000)
    proof = Proof(server=server, client=client)
    running = Running("server", server, *server_words)
    try:
        wait(lambda: stage.listens("server", server, 9000), "listener", running=running)
        got = run("client", client, *client_words, data=data)
        must(sha(got) == sha(data), "%d octets came back" % len(got))
        proof.check()
    finally:
        running.stop()


def one_way(server, client, host):
    """Fetched, then stored. There and back is not for ncat: it ends when either side has."""
    data = os.urandom(2000000)
    proof = Proof(server=server, client=client)
    with open(work + "/pipe", "wb+") as file:
        file.write(data)
        file.seek(0)
        running = Running("server", server, "ncat", "-l", "9000", "--send-only", stdin=file)
    try:
        wait(lambda: stage.listens("server", server, 9000), "listener", running=running)
        got = run("client", client, "ncat", "--recv-only", host, "9000")
        must(sha(got) == sha(data), "%d octets were fetched" % len(got))
    finally:
        running.stop()
    running = Running("server", server, "ncat", "-l", "9001", "--recv-only")
    try:
        wait(lambda: stage.listens("server", server, 9001), "listener", running=running)
        run("client", client, "ncat", "--send-only", host, "9001", data=data)
        running.process.wait(stage.SECONDS)
        with open(running.log, "rb") as file:
            must(sha(file.read()) == sha(data), "another file was stored")
        proof.check(2)
    finally:
        running.stop()


def cases():
    socat = ["socat", "TCP6-LISTEN:9000,ipv6only=0,reuseaddr,fork", "EXEC:cat"]
    for server, client, host in stage.pairs():
        to = "TCP%d:%s:9000" % (6 if ":" in host else 4, stage.in_url(host))
        yield ("socat, " + stage.who(server, client, host),
               lambda args=(server, client, socat, ["socat", "-t", "20", "-", to]): exchange(*args))
    for server, client, host in stage.pairs():
        yield "ncat, " + stage.who(server, client, host), lambda args=(server, client, host): one_way(*args)
