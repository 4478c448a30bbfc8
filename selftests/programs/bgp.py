# SPDX-License-Identifier: GPL-2.0
"""BIRD, a router: two of them speak BGP, and each segment is signed by TCP MD5 (RFC 2385), or by TCP-AO (RFC 5925)
where BIRD and the kernel have that. The one in "client" opens. Each tells the other one its routes, which end up in the
namespaces' tables, and both hold the session. Another secret is counted and gives no session, until it is corrected;
keys of TCP-AO change while a session goes on."""

import errno
import re
import socket
import subprocess

import stage
import tap
from stage import Proof, Running, must, run, wait, work

PORT = 179
ROUTES = 1000
HELD = 6  # KEEPALIVEs of each end behind its routes, one a second, while the hold time is three
OPEN, NOTIFICATION, KEEPALIVE = 1, 3, 4
MD5, AO = 19, 29  # kinds of option
TCP_AO_INFO = 40
LENGTH = {MD5: 16, AO: 14}  # of a MAC; with two identifiers
DIGITS = {"client": 1, "server": 2}
OTHER = {"client": "server", "server": "client"}
ALGORITHMS = ("hmac sha1", "cmac aes128")
CONF = """log stderr all;
router id 10.77.0.{me};
protocol device {{ }}
protocol kernel {{ {family} {{ import none; export where source = RTS_BGP; }}; }}
protocol static {{ {family};
include "{routes}";
}}
protocol bgp session {{
 debug {{ states, events }};
 local {address} as 6500{me}; neighbor {other} as 6500{peer}; passive {passive};
 hold time 3; connect delay time 1; connect retry time 1; error wait time 1, 1;
 {signed}
 {family} {{ import all; export where source = RTS_STATIC; }};
}}
"""


def md5(secret):
    return 'password "%s";' % secret


def ao(*secrets):
    """Keys 1 and 2, of which the last one is preferred; where a secret is None the key has gone."""
    keys = ['key { id %d; secret "%s"; algorithm %s; %s };' % (
        number, secret, ALGORITHMS[number - 1], "preferred;" if number == len(secrets) else "")
        for number, secret in enumerate(secrets, 1) if secret]
    return "authentication ao; keys { %s };" % " ".join(keys)


def address(where, host):
    return ("fd77::%d" if ":" in host else "10.77.0.%d") % DIGITS[where]


def prefix(where, number, host):
    if ":" in host:
        return "fd%02d:%x::/32" % (DIGITS[where], number)
    return "10.%d.%d.%d/32" % (DIGITS[where], number >> 8, number & 255)


class Router:
    """BIRD in a namespace, on a stack."""

    def __init__(self, where, stack, host, signed):
        self.where, self.host = where, host
        self.conf, self.control, self.routes = ("%s/bird.%s.%s" % (work, where, name)
                                                for name in ("conf", "ctl", "routes"))
        with open(self.routes, "w") as file:
            file.writelines("route %s blackhole;\n" % prefix(where, number, host) for number in range(1, ROUTES + 1))
        self.write(signed)
        self.running = Running(where, stack, "bird", "-f", "-c", self.conf, "-s", self.control)

    def write(self, signed):
        """Its configuration, which is read at its start and by configure()."""
        with open(self.conf, "w") as file:
            file.write(CONF.format(routes=self.routes, family="ipv6" if ":" in self.host else "ipv4", signed=signed,
                                   me=DIGITS[self.where], peer=DIGITS[OTHER[self.where]],
                                   address=address(self.where, self.host),
                                   other=address(OTHER[self.where], self.host),
                                   passive="on" if self.where == "server" else "off"))

    def ask(self, *words):
        return run(self.where, "kernel", "birdc", "-s", self.control, *words).decode()

    def configure(self, signed):
        self.write(signed)
        said = self.ask("configure")
        must("Reconfigured" in said or "Reconfiguration in progress" in said, said)

    def learned(self):
        """How many of the other one's routes are in the namespace's table."""
        digit = DIGITS[OTHER[self.where]]
        if ":" in self.host:
            return len(re.findall(r"^fd%02d" % digit, stage.read(self.where, "ipv6_route"), re.M))
        return len(re.findall(r"^\S+\t[0-9A-F]{4}%02X0A\t" % digit, stage.read(self.where, "route"), re.M))

    def is_established(self):
        return bool(re.search(r"^session +BGP .* Established", self.ask("show", "protocols"), re.M))


class Session:
    """Two routers and what their segments say."""

    def __init__(self, server, client, host, kind, secrets):
        self.host, self.kind, self.stacks = host, kind, {"server": server, "client": client}
        self.tap = tap.Tap("server", PORT)
        self.before = {where: self.counts(where) for where in self.stacks}
        self.proof = Proof(**self.stacks)
        self.routers = []
        try:
            self.begin(secrets)
        except (OSError, subprocess.SubprocessError, stage.Wrong):
            self.stop()
            raise

    def begin(self, secrets):
        """The client, when the server listens and has the client's key: it says so after both."""
        for where in ("server", "client"):
            self.routers.append(Router(where, self.stacks[where], self.host, secrets[where]))
            if where == "server":
                wait(lambda: stage.listens(where, self.stacks[where], PORT), "BIRD", running=self.routers[0].running)
                said = self.routers[0].ask("show", "protocols")
                must(re.search(r"^session +BGP .* Passive", said, re.M), said)

    def __enter__(self):
        return self

    def __exit__(self, kind, wrong, trace):
        if kind:
            for router in self.routers:
                stage.say("%s:\n%s" % (router.where, router.running.said()))
        self.stop()

    def stop(self):
        for router in self.routers:
            router.running.stop()
        self.tap.close()

    def wait(self, condition, what):
        wait(condition, what, events=self.tap.events, running=self.routers[0].running)

    def counts(self, where):
        """Counters of signatures, of the stack that this end is on."""
        text = stage.read(where, "netstat" if self.stacks[where] == "kernel" else "xtcp_netstat")
        names, values = [line.split()[1:] for line in text.splitlines() if line.startswith("TcpExt:")][:2]
        return {name: int(value) for name, value in zip(names, values) if re.match("TCP(MD5|AO)", name)}

    def counted(self, where):
        """Those that have moved, but for what is good."""
        now = self.counts(where)
        return {name: moved for name in now if (moved := now[name] - self.before[where].get(name, 0))
                and name != "TCPAOGood"}

    def messages(self, where):
        """The types of the messages that this end has sent, in all connections."""
        found = []
        for source, text in self.tap.texts():
            while source == address(where, self.host) and len(text) >= 19:
                must(text[:16] == 16 * b"\xff", "no BGP message: %s" % text[:19].hex())
                found.append(text[18])
                text = text[int.from_bytes(text[16:18], "big"):]
        return found

    def learns(self):
        self.wait(lambda: all(router.learned() == ROUTES for router in self.routers), "all routes")

    def holds(self):
        """From now on for a while."""
        have = {where: self.messages(where).count(KEEPALIVE) for where in self.stacks}
        self.wait(lambda: all(self.messages(where).count(KEEPALIVE) >= have[where] + HELD for where in have),
                  "KEEPALIVEs")

    def check_one_session(self):
        """Which the client has opened, and nobody ended; all of it is signed."""
        for router in self.routers:
            said = self.messages(router.where)
            must((said.count(OPEN), said.count(NOTIFICATION)) == (1, 0), "%s said %s" % (router.where, said))
            must(router.is_established() and router.learned() == ROUTES, "%s has no session" % router.where)
        for found in self.tap.look():
            must(len(found.options.get(self.kind, b"")) == LENGTH[self.kind], "not signed: %s" % vars(found))
        opened = {found.source for found in self.tap.segments if found.flags & (tap.SYN | tap.ACK) == tap.SYN}
        must(opened == {address("client", self.host)}, "opened by %s" % opened)
        self.proof.check()

    def show(self):
        for router in self.routers:
            line, = re.findall(r"^session .*", router.ask("show", "protocols"), re.M)
            text = stage.counters(router.where)[self.stacks[router.where]]
            stage.say("%s on %s: %s; %d routes learned; %d segments in, %d out, %d good by TCP-AO; bad: %s" % (
                router.where, self.stacks[router.where], line, router.learned(), text["InSegs"], text["OutSegs"],
                self.counts(router.where).get("TCPAOGood", 0) - self.before[router.where].get("TCPAOGood", 0),
                self.counted(router.where) or "nothing"))


def both(secret):
    return {where: secret for where in DIGITS}


def held(server, client, host, kind, secret):
    """Opened, learned, held."""
    with Session(server, client, host, kind, both(secret)) as session:
        session.learns()
        session.holds()
        session.check_one_session()
        session.show()
        must(not session.counted("server") and not session.counted("client"), "counted as bad")


def corrected(server, client, host, kind, wrong, right, counter):
    """The client's secret differs: each of its SYNs is counted and gets no answer. Then it gets the right one."""
    with Session(server, client, host, kind, {"server": right, "client": wrong}) as session:
        session.wait(lambda: session.counted("server").get(counter, 0) >= 2, counter)
        session.routers[1].ask("disable", "session")
        sent = session.tap.look()[:]
        must(all(found.flags == tap.SYN for found in sent if found.source == address("client", host)), "more than SYNs")
        must(all(found.source == address("client", host) for found in sent), "an answer")
        must(session.counted("server") == {counter: len(sent)}, "%d SYNs, counted: %s" % (len(sent),
                                                                                       session.counted("server")))
        must(not session.routers[0].is_established(), "established")
        session.show()
        session.routers[1].configure(right)
        session.routers[1].ask("enable", "session")
        session.learns()
        session.check_one_session()
        session.show()
        must(session.counted("server") == {counter: len(sent)} and not session.counted("client"), "counted as bad")


def changed(server, client, host):
    """Keys of TCP-AO: a second one is added at both ends and preferred, then the first one goes."""
    with Session(server, client, host, AO, both(ao("first"))) as session:
        session.learns()
        for secrets in (("first", "second"), (None, "second")):
            for router in session.routers:
                router.configure(ao(*secrets))
            session.tap.look()
            seen = len(session.tap.segments)

            def by_the_second():
                new = [found for found in session.tap.look()[seen:] if found.text]
                return {found.source for found in new if found.options[AO][:1] == b"\2"} == {
                    address(where, host) for where in DIGITS}

            session.wait(by_the_second, "segments by the second key")
        session.holds()
        session.check_one_session()
        session.show()
        must(not session.counted("server") and not session.counted("client"), "counted as bad")


def bird_has_ao():
    with open(work + "/ao.conf", "w") as file:
        file.write("protocol device {}\nprotocol bgp { local as 65001; neighbor 10.77.0.9 as 65002; %s }\n" %
                   ao("secret"))
    words = ["bird", "-p", "-c", work + "/ao.conf"]
    return not subprocess.run(words, stderr=subprocess.DEVNULL, check=False).returncode


def kernel_has_ao():
    """6.12 has it, but Debian leaves it out there."""
    with socket.socket() as asked:
        try:
            asked.getsockopt(socket.IPPROTO_TCP, TCP_AO_INFO, 64)
        except OSError as error:
            return error.errno != errno.ENOPROTOOPT
    return True


def cases():
    for server, client, host in stage.pairs():
        who = stage.who(server, client, host)
        yield "MD5, held, " + who, lambda args=(server, client, host, MD5, md5("secret")): held(*args)
        yield "MD5, another password first, " + who, lambda args=(
            server, client, host, MD5, md5("another"), md5("secret"), "TCPMD5Failure"): corrected(*args)
    if not bird_has_ao():
        return
    for server, client, host in stage.pairs():
        if "kernel" in (server, client) and not kernel_has_ao():
            continue
        who = stage.who(server, client, host)
        yield "TCP-AO, held, " + who, lambda args=(server, client, host, AO, ao("secret")): held(*args)
        yield "TCP-AO, another secret first, " + who, lambda args=(
            server, client, host, AO, ao("another"), ao("secret"), "TCPAOBad"): corrected(*args)
        yield "TCP-AO, a key that replaces another one, " + who, lambda args=(server, client, host): changed(*args)
