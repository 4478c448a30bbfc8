# SPDX-License-Identifier: GPL-2.0
"""redis: a value of 1 MB comes back as it went, pipelined and single requests by redis-benchmark."""

import os

from stage import Running, must, run, sha, work

PORT = 6379
SOCKETS = 2


def serve(stack):
    return Running("server", stack, "redis-server", "--port", "6379", "--bind", "*", "-::*", "--protected-mode", "no",
                   "--save", "", "--dir", work, "--daemonize", "no")


def use(stack, host):
    value = os.urandom(500000).hex().encode()
    must(run("client", stack, "redis-cli", "-h", host, "-x", "set", "key", data=value) == b"OK\n", "set")
    must(sha(run("client", stack, "redis-cli", "-h", host, "get", "key").rstrip(b"\n")) == sha(value), "another value")
    out = run("client", stack, "redis-benchmark", "-h", host, "-n", "1000", "-c", "20", "-P", "8", "-t", "set,get",
              "-q")
    must(out.count(b"requests per second") == 2, out.decode())
