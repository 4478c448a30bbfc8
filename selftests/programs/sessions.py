# SPDX-License-Identifier: GPL-2.0
"""ssh sessions that stay while all other programs come and go, a minute at least: in namespaces of their own. Now and then
something goes there and comes back, and each minute ssh agrees upon new keys."""

import os
import select
import subprocess
import time

import ssh
import stage
from stage import Proof, counters, must, sha, wait, work

LEAST, EVERY = 60, 10  # seconds
all_of = []
last = 0


class Session:
    """ssh with cat at the other end."""

    def __init__(self, where, stack, host):
        words = ["ssh", *ssh.OPTIONS, "-o", "RekeyLimit=default 60", "-o", "ServerAliveInterval=15", "-p", str(ssh.PORT),
                 host, "cat"]
        self.log = open("%s/%s.%d.log" % (work, where, 6 if ":" in host else 4), "wb+")
        self.process = subprocess.Popen(stage.command(where, stack, words), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, start_new_session=True)
        self.exchanges = 0

    def exchange(self):
        data, back = os.urandom(1 + os.urandom(1)[0] * 100), b""
        self.process.stdin.write(data)
        self.process.stdin.flush()
        while len(back) < len(data):
            ready = select.select([self.process.stdout], [], [], stage.SECONDS)[0]
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not more:
                self.log.seek(0)
                must(False, "session ended, after %d exchanges: %s" % (self.exchanges, self.log.read().decode()))
            back += more
        must(sha(back) == sha(data), "something else came back")
        self.exchanges += 1

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Place:
    """A server and two sessions with it, one over each IP version."""

    def __init__(self, server, client):
        self.stacks = server, client
        self.name = "server on %s, client on %s" % (server, client)
        here, there = "client-%s-%s" % (server, client), "server-%s-%s" % (server, client)
        stage.place(here, there)
        self.client, self.sessions, self.wrong = here, [], None
        self.proof = Proof(**{there: server, here: client})
        self.before = counters(here)[client]
        self.since = time.monotonic()
        self.server = ssh.serve(server, there)
        wait(lambda: stage.listens(there, server, ssh.PORT, ssh.SOCKETS), "listener", running=self.server)
        for host in (stage.SERVER4, stage.SERVER6):
            self.sessions.append(Session(here, client, host))
        self.exchange()

    def exchange(self):
        """What is wrong is said in the end; what has come back once does not make it right again."""
        try:
            for session in self.sessions if not self.wrong else ():
                session.exchange()
        except (stage.Wrong, OSError) as wrong:
            self.wrong = wrong

    def end(self):
        try:
            while time.monotonic() - self.since < LEAST:
                unasked = select.select([session.process.stdout for session in self.sessions], [], [], EVERY)[0]
                must(not unasked, "a session ended")
                exchange()
            self.exchange()
            must(not self.wrong, str(self.wrong))
            self.proof.check(2)
            now = counters(self.client)[self.stacks[1]]
            moved = {name: now[name] - self.before[name] for name in ("ActiveOpens", "CurrEstab")}
            must(moved == {"ActiveOpens": 2, "CurrEstab": 2}, "connections: %s" % moved)
            stage.say("%d s, %s exchanges" % (time.monotonic() - self.since,
                                              " and ".join(str(session.exchanges) for session in self.sessions)))
        finally:
            all_of.remove(self)
            for one in [*self.sessions, self.server]:
                one.stop()


def exchange():
    global last
    if time.monotonic() - last >= EVERY:
        last = time.monotonic()
        for place in all_of:
            place.exchange()


def begin():
    for server, client in (("xtcp", "xtcp"), ("xtcp", "kernel"), ("kernel", "xtcp")):
        all_of.append(Place(server, client))
    stage.between.append(exchange)


def cases():
    stage.between.remove(exchange)
    for place in list(all_of):
        yield "stay, " + place.name, place.end
