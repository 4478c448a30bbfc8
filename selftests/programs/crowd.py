# SPDX-License-Identifier: GPL-2.0
"""nginx and wrk: 2,000 connections at the same moment, half of them over IPv6, until each half has had 1,000 answers,
which are compared."""

import os
import re
import select
import signal

import nginx
import stage
from stage import Proof, Running, counters, must, wait, work

EACH = 1000
COMPARE = """
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args)
	local file = io.open(args[1], "rb")
	want, same, other, enough, path = file:read("*a"), 0, 0, tonumber(args[2]), args[3]
end
function response(status, headers, body)
	if status == 200 and body == want then same = same + 1 else other = other + 1 end
	if same + other == enough then
		local file = io.open(path, "w")
		file:write(".")
		file:close()
	end
end
function done(summary)
	local e = summary.errors
	for _, thread in ipairs(threads) do
		io.write(string.format("same %d, other %d, failed %d\\n", thread:get("same"), thread:get("other"),
				       e.connect + e.read + e.write + e.status + e.timeout))
	end
end
"""


def wrk(stack, host):
    name = "wrk6" if ":" in host else "wrk4"
    if not os.path.lexists("%s/%s" % (work, name)):
        os.symlink("/usr/bin/wrk", "%s/%s" % (work, name))  # their logs have different names
    path = "%s/%s.enough" % (work, name)
    os.mkfifo(path)
    enough = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    running = Running("client", stack, "%s/%s" % (work, name), "-t1", "-c%d" % EACH, "-d%d" % (2 * stage.SECONDS),
                      "--timeout", str(stage.SECONDS), "-s", work + "/compare.lua",
                      "http://%s:8080/crowd.bin" % stage.in_url(host), "--", work + "/www/crowd.bin", str(EACH), path)
    running.path, running.enough = path, enough
    return running


def end(running):
    """As soon as it has had enough answers; what it says then."""
    ends = os.pidfd_open(running.process.pid)
    ready = select.select([running.enough, ends], [], [], stage.SECONDS)[0]
    os.close(ends)
    must(running.enough in ready, running.said())
    os.killpg(running.process.pid, signal.SIGINT)
    running.process.wait(stage.SECONDS)
    return running.said()


def crowd(server, client):
    os.makedirs(work + "/www", exist_ok=True)
    with open(work + "/www/crowd.bin", "wb") as file:
        file.write(os.urandom(3000))
    with open(work + "/compare.lua", "w") as file:
        file.write(COMPARE)
    ends = (("server", server), ("client", client))
    before = {where: counters(where)[stack]["CurrEstab"] for where, stack in ends}
    proof = Proof(server=server, client=client)
    running, clients = nginx.serve(server, 4096), []

    def there():
        return all(counters(where)[stack]["CurrEstab"] - before[where] >= 2 * EACH for where, stack in ends)

    try:
        wait(lambda: stage.listens("server", server, 8080, 2), "listener", running=running)
        clients = [wrk(client, host) for host in (stage.SERVER4, stage.SERVER6)]
        wait(there, "%d connections at once" % (2 * EACH))
        for one in clients:
            said = end(one)
            found = re.search(r"same (\d+), other (\d+), failed (\d+)", said)
            must(found and int(found[1]) >= EACH and found[2] == found[3] == "0", said)
        proof.check(2 * EACH)
    finally:
        for one in [*clients, running]:
            one.stop()
        for one in clients:
            os.close(one.enough)
            os.unlink(one.path)


def cases():
    for server, client in (("xtcp", "xtcp"), ("xtcp", "kernel"), ("kernel", "xtcp")):
        yield ("%d connections at once, server on %s, client on %s, both IP versions" % (2 * EACH, server, client),
               lambda args=(server, client): crowd(*args))
