# SPDX-License-Identifier: GPL-2.0
"""PostgreSQL with pgbench: transactions by eight clients, and what they add up to. A large object and a table go there and
come back the same."""

import os
import subprocess

from stage import Running, must, run, sha, work

PORT = 5432
SOCKETS = 2
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
    psql = [BIN + "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *to, "postgres"]
    out = run("client", stack, *psql, "-c", sums).decode()
    must(out.strip() == "160|t", out)
    contents(stack, psql)


def contents(stack, psql):
    data = os.urandom(1000000)
    with open(work + "/lo.in", "wb") as file:
        file.write(data)
    commands = ("\\lo_import {w}/lo.in\n\\lo_export :LASTOID {w}/lo.out\n"
                "select encode(sha256(lo_get(:LASTOID)), 'hex');\n").format(w=work)
    out = run("client", stack, *psql, data=commands.encode()).decode()
    must(out.split()[-1] == sha(data), "the server has another large object: " + out)
    with open(work + "/lo.out", "rb") as file:
        must(sha(file.read()) == sha(data), "another large object")
    rows = b"".join(b"%d\t%s\n" % (i, os.urandom(i % 500).hex().encode()) for i in range(2000))
    run("client", stack, *psql, "-c", "drop table if exists dumped", "-c", "create table dumped (k int, v text)",
        "-c", "copy dumped from stdin", data=rows)
    got = run("client", stack, *psql, "-c", "copy (select * from dumped order by k) to stdout")
    must(sha(got) == sha(rows), "another table, %d octets of %d" % (len(got), len(rows)))
