# SPDX-License-Identifier: GPL-2.0
"""MariaDB: four clients insert and read rows at once, one fetches a value of 300 KB; sums and hash are compared."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from stage import Running, must, run, sha, work

PORT = 3306
DATA = work + "/mysql"


def serve(stack):
    if not os.path.exists(DATA):
        subprocess.run(["mysql_install_db", "--no-defaults", "--user=root", "--datadir=" + DATA, "--skip-test-db",
                        "--auth-root-authentication-method=normal"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        with open(work + "/init.sql", "w") as file:
            file.write("grant all on *.* to 'u'@'%' identified by 'p';\ncreate database if not exists d;\n"
                       "create or replace table d.t (k int, v longtext);\n")
    return Running("server", stack, "/usr/sbin/mariadbd", "--no-defaults", "--user=root", "--datadir=" + DATA,
                   "--bind-address=*", "--socket=" + work + "/mysql.sock", "--init-file=" + work + "/init.sql",
                   "--innodb-flush-log-at-trx-commit=0")


def use(stack, host):
    client = ["mariadb", "--no-defaults", "-h", host, "-uu", "-pp", "-N", "d"]

    run("client", stack, *client, "-e", "truncate table t")

    def load(i):
        lines = ["insert into t values (%d, repeat('x', %d)); select sum(k) from t where k = %d;" % (i, j, i)
                 for j in range(50)]
        return run("client", stack, *client, data="\n".join(lines).encode())

    with ThreadPoolExecutor() as pool:
        for i, out in enumerate(pool.map(load, range(1, 5)), 1):
            must(out.split() == [b"%d" % (i * j) for j in range(1, 51)], "client %d: %r" % (i, out[-100:]))
    value = os.urandom(150000).hex()
    run("client", stack, *client, data=("insert into t values (9, '%s');" % value).encode())
    got = run("client", stack, *client, "-e", "select v from t where k = 9").strip()
    must(sha(got) == sha(value.encode()), "another value, %d octets" % len(got))
