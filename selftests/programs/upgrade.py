# SPDX-License-Identifier: GPL-2.0
"""xtcp upgrade to another build and back, while clients connect to nginx, haproxy and redis. No connection is lost. A
program keeps its descriptor, behind which the new build listens. In the laboratory each server is upgraded ten times,
and 1,000 clients a second connect."""

import os
import socket
import subprocess

import proxy_reload
import redis
import reload
import stage
from stage import Running, must, wait, work

AF_XTCP = 25
REPLACES_MODULE = True  # an old build would wait for the sessions of sessions.py
TIMES, LAB_TIMES = 2, 10
MEM = "4321"  # KiB, of black boxes
BUILDS = {"xtcp": os.environ.get("XTCP_KO"), "xtcp_b": os.environ.get("XTCP_B_KO")}


def nginx():
    os.makedirs(work + "/www", exist_ok=True)
    with open(work + "/www/small", "w") as file:
        file.write("a small file")
    reload.configure(reload.MOST)
    return Running("server", "xtcp", "/usr/sbin/nginx", "-e", "stderr", "-c", work + "/reload.conf", "-g", "user root;")


def haproxy():
    with open(work + "/reload.cfg", "w") as file:
        file.write(proxy_reload.CONF.format(socket="", p=proxy_reload.PORT))
    return proxy_reload.haproxy("xtcp", False)


def blackbox_mem(build, *value):
    with open("/sys/module/%s/parameters/blackbox_mem" % build, "w" if value else "r") as file:
        return file.write(*value) if value else file.read().strip()


def is_gone(build):
    return not os.path.exists("/sys/module/" + build)


def ends(build):
    """Nothing of it is open any more."""
    return is_gone(build) or not subprocess.run(["rmmod", build], stderr=subprocess.DEVNULL, check=False).returncode


def tool(*words):
    done = subprocess.run(["scripts/xtcp", "upgrade", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    must(not done.returncode, done.stdout)
    return done.stdout


def upgrade(new, old, running):
    """The old build stays as long as a socket of it is open, and then goes by itself."""
    with socket.socket(AF_XTCP):
        tool(BUILDS[new])
        must(blackbox_mem(new) == MEM, "the limits of %s are not those of %s" % (new, old))
        wait(lambda: int(stage.counters("server")["xtcp"]["PassiveOpens"]), "a connection of %s" % new, running=running)
        said = tool("status")
        must(said.startswith(old + ", net.xtcp_b, is unloaded when this is closed:\n"), said)
    wait(lambda: is_gone(old), "the end of %s" % old, running=running)


def upgrades(start, port, listeners, asks):
    times, client, server = LAB_TIMES if stage.in_laboratory() else TIMES, None, start()
    before = blackbox_mem("xtcp")
    try:
        wait(lambda: stage.listens("server", "xtcp", port, listeners), "listeners", running=server)
        blackbox_mem("xtcp", MEM)
        client = reload.Clients(port, asks)
        for at in range(times):
            upgrade(*(("xtcp", "xtcp_b") if at % 2 else ("xtcp_b", "xtcp")), server)
        said, lost = client.end()
        stage.say("%d upgrades, %s" % (times, said))
        must(not lost, "lost")
        must(stage.listens("server", "xtcp", port, listeners), "not all listeners are there")
    finally:
        for one in (client, server):
            if one:
                one.stop()
        if not is_gone("xtcp_b"):   # a case has failed; the next one begins as this one did
            for build in BUILDS:
                wait(lambda build=build: ends(build), "the end of " + build)
            subprocess.run(["insmod", BUILDS["xtcp"]], check=True)
        blackbox_mem("xtcp", before)


def cases():
    for name, *case in (("nginx", nginx, reload.PORT, reload.MOST, "http"),
                        ("haproxy", haproxy, proxy_reload.PORT, 1, "http"),
                        ("redis", lambda: redis.serve("xtcp"), redis.PORT, redis.SOCKETS, "redis")):
        yield "xtcp is upgraded under %s" % name, lambda case=case: upgrades(*case)
