#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""make bench B=programs: what programs get done by xtcp and by kernel TCP, as ratios of their own figures.

    bench_programs.py ROOT ROUNDS [NAME]...

ROOT has the packages unpacked (deps.sh programs). Server and client, one namespace each with a veth between
them, are on the same stack, under xtcp_run or without it. Each round asks one stack and then the other; the ratio is
the median of the rounds'. The counters of both stacks prove on which one the octets went. NAME is one of:

    nginx        wrk, 16 connections that stay: requests a second for a page of 612 octets
    nginx-close  wrk, 16 at a time, a connection for each request
    redis        redis-benchmark, 20 connections, GET
    iperf3       one stream, octets a second
    pgbench      4 clients, selects only, transactions a second
    nginx-app, redis-local, pgbench-local   both ends in one namespace, with net.xtcp.local: of the first, nginx and
                 the application that it asks, another nginx; wrk comes over the veth

The exit status says whether every bound was kept."""

import json
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "programs"))
import check  # noqa: E402
import iperf3  # noqa: E402
import postgresql  # noqa: E402
import redis  # noqa: E402
import stage  # noqa: E402
from stage import Running, must, run, work  # noqa: E402

LEAST = 1.0
SECONDS = 3
PAGE = 612
CONF = """daemon off; worker_processes 1; pid {w}/nginx{port}.pid; error_log stderr;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; keepalive_requests 10000000; client_body_temp_path {w}/b; proxy_temp_path {w}/p;
fastcgi_temp_path {w}/f; uwsgi_temp_path {w}/u; scgi_temp_path {w}/s; proxy_http_version 1.1;
upstream application {{ server 127.0.0.1:8081; keepalive 64; }}
server {{ listen {port}; root {w}/www; {more} }} }}
"""
ASKS = 'location / { proxy_pass http://application; proxy_set_header Connection ""; }'


class Ends:
    """The client in a namespace of its own, or beside the server."""

    def __init__(self, local=False):
        self.client, self.host = ("server", "127.0.0.1") if local else ("client", stage.SERVER4)


def nginx(stack, port, more=""):
    conf = "%s/nginx%d.conf" % (work, port)
    with open(conf, "w") as file:
        file.write(CONF.format(w=work, port=port, more=more))
    return Running("server", stack, "/usr/sbin/nginx", "-e", "stderr", "-c", conf, "-g", "user root;")


class Nginx:
    """A page of a kilobyte with its head."""
    PORT = 8080
    MORE = ""

    def __init__(self, *headers):
        self.headers = [word for header in headers for word in ("-H", header)]

    def serve(self, stack):
        os.makedirs(work + "/www", exist_ok=True)
        with open(work + "/www/page", "wb") as file:
            file.write(b"x" * PAGE)
        return nginx(stack, self.PORT, self.MORE)

    def figure(self, stack):
        out = run("client", stack, "wrk", "-t1", "-c16", "-d%ds" % SECONDS, *self.headers,
                  "http://%s:8080/page" % stage.SERVER4).decode()
        must("errors" not in out and "Non-2xx" not in out, out)
        return found(r"Requests/sec:\s+([\d.]+)", out)


class NginxApp(Nginx):
    """nginx, and another one behind it."""
    MORE = ASKS

    def figure(self, stack):
        application = nginx(stack, 8081)
        try:
            stage.wait(lambda: stage.listens("server", stack, 8081), "application", running=application)
            return super().figure(stack)
        finally:
            application.stop()


class Redis(Ends):
    PORT = redis.PORT
    serve = staticmethod(redis.serve)

    def figure(self, stack):
        out = run(self.client, stack, "redis-benchmark", "-h", self.host, "-n", "10000", "-c", "20", "-t", "get",
                  "-q").decode()
        return found(r"GET: ([\d.]+) requests per second", out)


class Iperf3:
    PORT = iperf3.PORT
    serve = staticmethod(iperf3.serve)

    def figure(self, stack):
        out = json.loads(run("client", stack, "iperf3", "-c", stage.SERVER4, "-t", str(SECONDS), "-J"))
        must("error" not in out, out.get("error", ""))
        return out["end"]["sum_received"]["bits_per_second"] / 8


class Pgbench(Ends):
    PORT = postgresql.PORT
    filled = False      # what one has filled is there for the others

    def serve(self, stack):
        return postgresql.serve(stack)

    def figure(self, stack):
        to = ["-h", self.host, "-U", "postgres"]
        if not Pgbench.filled:
            run(self.client, stack, postgresql.BIN + "pgbench", *to, "-i", "-q", "postgres")
            Pgbench.filled = True
        out = run(self.client, stack, postgresql.BIN + "pgbench", *to, "-S", "-c", "4", "-j", "1", "-T", str(SECONDS),
                  "postgres").decode()
        return found(r"tps = ([\d.]+)", out)


PROGRAMS = {
    "nginx": ("nginx, wrk, connections that stay", "requests", Nginx),
    "nginx-close": ("nginx, wrk, a connection each", "requests", lambda: Nginx("Connection: close")),
    "redis": ("redis-benchmark, GET", "requests", Redis),
    "iperf3": ("iperf3, one stream", "octets", Iperf3),
    "pgbench": ("pgbench, selects", "transactions", Pgbench),
    "nginx-app": ("nginx and its application, local", "requests", NginxApp),
    "redis-local": ("redis-benchmark, GET, local", "requests", lambda: Redis(True)),
    "pgbench-local": ("pgbench, selects, local", "transactions", lambda: Pgbench(True)),
}
LOCAL = ("nginx-app", "redis-local", "pgbench-local")


def found(pattern, out):
    match = re.search(pattern, out)
    must(match, out)
    return float(match.group(1))


def opened(stack):
    """How many connections both ends have opened on a stack. Segments of closed ones may come later."""
    both = [stage.counters(where)[stack] for where in ("client", "server")]
    return sum(one["ActiveOpens"] + one["PassiveOpens"] for one in both)


def handed_over():
    """How many writes have gone the short way."""
    lines = [line.split() for line in stage.read("server", "xtcp_netstat").splitlines()]
    return sum(int(value) for names, values in zip(lines[::2], lines[1::2])
               for name, value in zip(names, values) if name == "TCPLocal")


def on(program, stack):
    """The figure of one stack, with a server made for it."""
    other = "kernel" if stack == "xtcp" else "xtcp"
    before = opened(stack), opened(other)
    server = program.serve(stack)
    try:
        stage.wait(lambda: stage.listens("server", stack, program.PORT), "listener", running=server)
        figure = program.figure(stack)
        must(opened(stack) >= before[0] + 2 and opened(other) == before[1], "not on %s alone" % stack)
    except stage.Wrong:
        stage.say(server.said())
        raise
    finally:
        server.stop()
    return figure


def compare(name, rounds):
    what, unit, make = PROGRAMS[name]
    program = make()
    run("server", "kernel", "sysctl", "-q", "net.xtcp.local=%d" % (name in LOCAL))
    before = handed_over()
    theirs, ours = [], []
    for i in range(rounds):
        # which one comes first changes
        for stack in ("kernel", "xtcp") if i % 2 else ("xtcp", "kernel"):
            (ours if stack == "xtcp" else theirs).append(on(program, stack))
    must((handed_over() > before) == (name in LOCAL), "the short way")
    ratios = sorted(a / b for a, b in zip(ours, theirs))
    ratio, our, their = statistics.median(ratios), statistics.median(ours), statistics.median(theirs)
    if os.environ.get("MEASURE_JSON"):
        print('#json {"name": "%s", "unit": "%s/s", "ratio": %.10g, "value": %.10g, "against": %.10g}' %
              (what, unit, ratio, our, their))
    print("%-44s %5.2fx  (%.2f to %.2f, %d rounds; median %.0f %s a second against %.0f; at least %.2fx%s)" %
          (what, ratio, ratios[0], ratios[-1], rounds, our, unit, their, LEAST, ": BELOW" if ratio < LEAST else ""),
          flush=True)
    return ratio >= LEAST


def main():
    if len(sys.argv) < 3 or not sys.argv[2].isdigit() or not int(sys.argv[2]) or set(sys.argv[3:]) - set(PROGRAMS):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    check.unpacked(sys.argv[1])
    subprocess.run(["insmod", os.environ["XTCP_KO"]], check=True)
    stage.make()
    kept = [compare(name, int(sys.argv[2])) for name in sys.argv[3:] or PROGRAMS]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
