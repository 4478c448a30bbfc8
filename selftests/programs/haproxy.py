# SPDX-License-Identifier: GPL-2.0
"""haproxy before http.server: xtcp on one side, kernel TCP on the other, by ports."""

import os

import stage
from stage import Running, must, run, sha, wait, work

PORT = 8070
CONF = """global
 maxconn 200
defaults
 mode http
 timeout connect 20s
 timeout client 20s
 timeout server 20s
frontend f
 bind :::8070 v4v6
 default_backend b
backend b
 server s 127.0.0.1:8071
"""


class Both:
    """The proxy, and what stands behind it."""

    def __init__(self, stack):
        os.makedirs(work + "/www", exist_ok=True)
        with open(work + "/www/h.bin", "wb") as file:
            file.write(os.urandom(800000))
        with open(work + "/haproxy.cfg", "w") as file:
            file.write(CONF)
        self.behind = Running("server", stack, "python3", "-S", "-m", "http.server", "--bind", "127.0.0.1", "8071",
                              cwd=work + "/www")
        wait(lambda: stage.listens("server", stack, 8071), "http.server", running=self.behind)
        self.proxy = Running("server", stack, "haproxy", "-db", "-f", work + "/haproxy.cfg")
        self.process = self.proxy.process

    def said(self):
        return self.proxy.said()

    def stop(self):
        self.proxy.stop()
        self.behind.stop()


def serve(stack):
    return Both(stack)


def use(stack, host):
    host = "[%s]" % host if ":" in host else host
    with open(work + "/www/h.bin", "rb") as file:
        want = sha(file.read())
    for _ in range(2):
        got = run("client", stack, "curl", "-sS", "http://%s:8070/h.bin" % host)
        must(sha(got) == want, "%d octets" % len(got))
