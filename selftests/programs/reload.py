# SPDX-License-Identifier: GPL-2.0
"""nginx, whose workers each have a listener of their own (reuseport), reloads with fewer of them while clients connect.
The workers that go leave connections in their queues: with migrate_req they reach those that stay. On both stacks;
what is lost is counted on both, and has to be nothing on xtcp with the knob."""

import os
import signal
import subprocess

import stage
from stage import Proof, Running, must, wait, work

PORT = 8090
MOST = 4  # workers, and listeners
RELOADS = 20  # from MOST to 1
RATE = 200  # connections a second, at most
CONF = """daemon off; master_process on; worker_processes {n}; pid {w}/reload.pid; error_log stderr;
events {{ worker_connections 512; }}
http {{ access_log off; keepalive_timeout 0; client_body_temp_path {w}/b; proxy_temp_path {w}/p; fastcgi_temp_path {w}/f;
uwsgi_temp_path {w}/u; scgi_temp_path {w}/s; server {{ listen {p} reuseport backlog=512; root {w}/www; }} }}
"""
CLIENT = """
import collections, socket, sys, threading, time

host, port, rate, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), 8
said, stop = collections.Counter(), threading.Event()

def ask():
    with socket.create_connection((host, port), 60) as s:
        s.sendall(b"GET /small HTTP/1.0\\r\\n\\r\\n")
        data = b"".join(iter(lambda: s.recv(65536), b""))
    return "served" if data.startswith(b"HTTP/1.1 200 ") and data.endswith(b"a small file") else "cut"

def go_on():
    due = time.monotonic()
    while not stop.wait(due - time.monotonic()):  # the rate of the load, until it stops
        due = max(due + threads / rate, time.monotonic())
        try:
            said[ask()] += 1
        except OSError as error:
            said[type(error).__name__] += 1

started = time.monotonic()
all = [threading.Thread(target=go_on) for _ in range(threads)]
for one in all:
    one.start()
sys.stdin.read()
stop.set()
for one in all:
    one.join()
print("%.1f" % (time.monotonic() - started), said.pop("served", 0), *("%s:%d" % pair for pair in said.items()))
"""


def configure(workers):
    with open(work + "/reload.conf", "w") as file:
        file.write(CONF.format(w=work, n=workers, p=PORT))


def listeners(stack):
    lines = stage.read("server", "tcp" if stack == "kernel" else "xtcp").splitlines()[1:]
    return sum(line.split()[1].endswith(":%04X" % PORT) and line.split()[3] == "0A" for line in lines)


def moved(stack):
    text = stage.read("server", "netstat" if stack == "kernel" else "xtcp_netstat")
    names, values = [line.split()[1:] for line in text.splitlines() if line.startswith("TcpExt:")][:2]
    return int(dict(zip(names, values))["TCPMigrateReqSuccess"])


def reload(stack, workers):
    configure(workers)
    with open(work + "/reload.pid") as file:
        os.kill(int(file.read()), signal.SIGHUP)
    wait(lambda: listeners(stack) == workers, "%d listeners" % workers)


def reloads(stack, knob):
    name = "net.ipv4.tcp_migrate_req" if stack == "kernel" else "net.xtcp.migrate_req"
    subprocess.run(["ip", "netns", "exec", "server", "sysctl", "-qw", "%s=%d" % (name, knob)], check=True)
    os.makedirs(work + "/www", exist_ok=True)
    with open(work + "/www/small", "w") as file:
        file.write("a small file")
    configure(MOST)
    proof, before, client = Proof(server=stack, client="kernel"), moved(stack), None
    server = Running("server", stack, "/usr/sbin/nginx", "-e", "stderr", "-c", work + "/reload.conf", "-g", "user root;")
    try:
        wait(lambda: listeners(stack) == MOST, "listeners", running=server)
        client = Running("client", "kernel", "python3", "-c", CLIENT, stage.SERVER4, str(PORT), str(RATE),
                         stdin=subprocess.PIPE)
        for _ in range(RELOADS):
            reload(stack, 1)
            reload(stack, MOST)
        client.process.stdin.close()
        client.process.wait(stage.SECONDS)
        said = client.said().split()
        must(len(said) >= 2 and said[1].isdigit(), client.said())
        lost = sum(int(word.rpartition(":")[2]) for word in said[2:])
        stage.say("%s, migrate_req %d: %d reloads, %s connections in %s s, %d lost %s, %d moved" % (
            stack, knob, 2 * RELOADS, said[1], said[0], lost, " ".join(said[2:]), moved(stack) - before))
        proof.check()
        must(not (stack == "xtcp" and knob and lost), "lost")
        must(knob or moved(stack) == before, "moved without the knob")
    finally:
        for one in (client, server):
            if one:
                one.stop()


def cases():
    for stack in ("xtcp", "kernel"):
        for knob in (0, 1):
            yield "nginx reloads on %s, migrate_req %d" % (stack, knob), lambda s=stack, k=knob: reloads(s, k)
