# SPDX-License-Identifier: GPL-2.0
"""haproxy before http.server: xtcp on one side and kernel TCP on the other, by ports, and xtcp on both."""

import os

import stage
from stage import RUN, Proof, Running, counters, must, run, sha, wait, work

FRONT, BACK = 8070, 8071
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
# What has the proxy's sides on these two stacks.
RUNS = {("xtcp", "kernel"): ("--only-port", str(FRONT)), ("kernel", "xtcp"): ("--not-port", str(FRONT)),
        ("xtcp", "xtcp"): ()}
FETCHES = 2


def proxied(front, back, client, host):
    os.makedirs(work + "/www", exist_ok=True)
    data = os.urandom(800000)
    for name, contents in (("/www/h.bin", data), ("/haproxy.cfg", CONF.encode())):
        with open(work + name, "wb") as file:
            file.write(contents)
    proof, before = Proof(client=client), counters("server")
    behind = Running("server", back, "python3", "-S", "-m", "http.server", "--bind", "127.0.0.1", str(BACK),
                     cwd=work + "/www")
    proxy = Running("server", "kernel", RUN, *RUNS[front, back], "haproxy", "-db", "-f", work + "/haproxy.cfg")
    try:
        wait(lambda: stage.listens("server", back, BACK), "http.server", running=behind)
        wait(lambda: stage.listens("server", front, FRONT), "haproxy", running=proxy)
        for _ in range(FETCHES):
            got = run("client", client, "curl", "-sS", "http://%s:%d/h.bin" % (stage.in_url(host), FRONT))
            must(sha(got) == sha(data), "%d octets" % len(got))
        proof.check()
        sides(front, back, before)
    except stage.Wrong:
        stage.say(proxy.said())
        raise
    finally:
        proxy.stop()
        behind.stop()


def sides(front, back, before):
    """The stack in front has accepted what curl asked for; the one behind has both ends of what the proxy asked for."""
    now = counters("server")
    active, passive = ({stack: now[stack][name] - before[stack][name] for stack in now}
                       for name in ("ActiveOpens", "PassiveOpens"))
    want = {"xtcp": [0, 0], "kernel": [0, 0]}
    want[front][1] += FETCHES
    want[back][0] += FETCHES  # http.server closes after each answer
    want[back][1] += FETCHES
    must({stack: [active[stack], passive[stack]] for stack in want} == want,
         "opened %s, accepted %s instead of %s" % (active, passive, want))


def cases():
    for front, back, client in (("xtcp", "kernel", "xtcp"), ("xtcp", "kernel", "kernel"), ("kernel", "xtcp", "xtcp"),
                                ("xtcp", "xtcp", "kernel")):
        for host in (stage.SERVER4, stage.SERVER6):
            yield ("%s in front, %s behind, client on %s, IPv%d" % (front, back, client, 6 if ":" in host else 4),
                   lambda args=(front, back, client, host): proxied(*args))
