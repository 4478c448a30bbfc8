# SPDX-License-Identifier: GPL-2.0
"""PostgreSQL with pgbench: transactions by eight clients, and what they add up to."""

import os
import subprocess

from stage import Running, must, run, work

PORT = 5432
BIN = "/usr/lib/postgresql/15/bin/"
AS_POSTGRES = ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")


def serve(stack):
    data = work + "/pg"
    if not os.path.exists(data):
        subprocess.run([*AS_POSTGRES, BIN + "initdb", "-D", data, "-A", "trust", "--no-sync", "--locale=C"], check=True,
                       stdout=subprocess.DEVNULL, env={"HOME": work})
        with open(data + "/pg_hba.conf", "a") as file:
            file.write("host all all all trust\n")
    return Running("server", stack, *AS_POSTGRES, BIN + "postgres", "-D", data, "-c", "listen_addresses=*", "-c", "fsync=off",
                   "-c", "unix_socket_directories=" + work)


def use(stack, host):
    to = ["-h", host, "-U", "postgres"]
    run("client", stack, BIN + "pg_isready", *to, "-t", "30")
    run("client", stack, BIN + "pgbench", *to, "-i", "-q", "postgres")
    out = run("client", stack, BIN + "pgbench", *to, "-c", "8", "-j", "2", "-t", "20", "postgres").decode()
    must("number of transactions actually processed: 160/160" in out, out)
    sums = ("select count(*), (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history) "
            "from pgbench_history")
    out = run("client", stack, BIN + "psql", *to, "-At", "-c", sums, "postgres").decode()
    must(out.strip() == "160|t", out)
