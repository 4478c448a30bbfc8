# SPDX-License-Identifier: GPL-2.0
"""nginx, whose workers each have a listener of their own (reuseport), reloads with fewer of them while clients connect.
The workers that go leave connections in their queues: with migrate_req they reach those that stay. On both stacks;
what is lost is counted on both, and has to be nothing on xtcp with the knob. In the laboratory 1,000 clients a second
come; an emulated machine cannot carry that."""

import os
import signal
import subprocess

import stage
from stage import Proof, Running, must, wait, work

PORT = 8090
MOST = 4  # workers, and listeners
RELOADS = 20  # from MOST to 1
LAB_RATE, LAB_BURST = 1000, 10  # connections a second, so many at once: they wait for a worker
RATE, MOST_THERE = 200, 8  # outside the laboratory: at most so many a second, and so many that are not served yet
CONF = """daemon off; master_process on; worker_processes {n}; pid {w}/reload.pid; error_log stderr;
events {{ worker_connections 512; }}
http {{ access_log off; keepalive_timeout 0; client_body_temp_path {w}/b; proxy_temp_path {w}/p; fastcgi_temp_path {w}/f;
uwsgi_temp_path {w}/u; scgi_temp_path {w}/s; server {{ listen {p} reuseport backlog=512; root {w}/www; }} }}
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


class Clients:
    """Connections to a port of the server, until end()."""

    def __init__(self, port, asks="http"):
        self.rate, burst, most = (LAB_RATE, LAB_BURST, 100000) if stage.in_laboratory() else (RATE, 1, MOST_THERE)
        first = ["chrt", "-f", "10"] if stage.in_laboratory() else []  # as if another machine's
        self.running = Running("client", "kernel", *first, "python3", os.path.join(stage.HERE, "clients.py"),
                               stage.SERVER4, str(port), str(self.rate), str(burst), str(most), asks,
                               stdin=subprocess.PIPE)

    def end(self):
        """What they say, and how many were lost."""
        self.running.process.stdin.close()
        self.running.process.wait(stage.SECONDS)
        said = self.running.said().split()
        must(len(said) >= 3 and said[1].isdigit(), self.running.said())
        lost = sum(int(word.rpartition(":")[2]) for word in said[3:])
        if stage.in_laboratory():
            must(int(said[1]) + lost >= 0.99 * self.rate * float(said[0]), "not %d a second: %s" % (self.rate, said))
        return "%s connections in %s s, %s, the slowest in %s ms" % (
            said[1], said[0], " ".join(["%d lost" % lost] + said[3:]), said[2]), lost

    def stop(self):
        self.running.stop()


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
        client = Clients(PORT)
        for _ in range(RELOADS):
            reload(stack, 1)
            reload(stack, MOST)
        said, lost = client.end()
        stage.say("%s, migrate_req %d: %d reloads, %s, %d moved" % (stack, knob, 2 * RELOADS, said,
                                                                    moved(stack) - before))
        proof.check()
        must(not (stack == "xtcp" and knob and lost), "lost")
        must(knob or moved(stack) == before, "moved without the knob")
        must(not (knob and stage.in_laboratory()) or moved(stack) > before, "nothing moved")
    finally:
        for one in (client, server):
            if one:
                one.stop()


def cases():
    for stack in ("xtcp", "kernel"):
        for knob in (0, 1):
            yield "nginx reloads on %s, migrate_req %d" % (stack, knob), lambda s=stack, k=knob: reloads(s, k)
