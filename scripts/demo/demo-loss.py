#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of make demo D=loss: one transfer on xtcp from the namespace
"client" to "server", of which the router loses chosen segments once each."""

import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../tools/sight"))

from listing import Listing
from program import PROC, enter
from segments import MODULUS
from transfer import Transfer, events

AF_XTCP = 25
CLIENT, SERVER = ("10.77.0.1", 50001), ("10.77.0.2", 80)
TRACE = "/sys/kernel/tracing/trace"
COLOR = bool(os.environ.get("COLOR"))
LADDER = os.environ.get("LADDER", "scripts/tools/xtcp-ladder --plain").split()
SEGMENTS = 1600
ONE, BURST, LAST = (60,), tuple(range(700, 708)), (SEGMENTS,)
MARK_SEEN = 0.02    # s: a mark gets to the server, and back
ALGORITHM = "/proc/sys/net/xtcp/congestion_control"
COUNTERS = ("TcpRetransSegs", "TcpExtTCPSackRecovery", "TcpExtTCPRenoRecovery", "TcpExtTCPFastRetrans",
            "TcpExtTCPLossProbes", "TcpExtTCPLossProbeRecovery", "TcpExtTCPTimeouts", "TcpExtTCPSlowStartRetrans",
            "TcpExtTCPLostRetransmit", "TcpExtTCPHystartTrainDetect", "TcpExtTCPHystartDelayDetect",
            "TcpExtTCPDSACKRecv", "TcpExtTCPSpuriousRTOs")
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
OUT = os.environ.get("OUT", "/tmp/demo")


def wrapped(text):
    return textwrap.fill(text, int(os.environ.get("COLUMNS", 110)), break_on_hyphens=False)


def title(text):
    bold, plain = os.environ.get("BOLD", ""), os.environ.get("PLAIN", "")
    print("\n%s%s%s" % (bold, wrapped("== %s ==" % text), plain), flush=True)


def must_show(text, *patterns):
    """All of these are in the text, one behind the other, or the demonstration has failed."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern).search(text, at)
        if not found:
            sys.exit("this should have shown: " + pattern)
        at = found.end()


def opened(ns, option, octets):
    """A socket in a namespace, with a buffer so large. Python knows no addresses of AF_XTCP: they are IPv4's."""
    enter(ns)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, socket.socket(AF_XTCP, socket.SOCK_STREAM).detach())
    sock.setsockopt(socket.SOL_SOCKET, option, octets)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return sock


def wait_for_server(state):
    """Until its end of the connection is in that state; None: until it is gone."""
    enter("server")
    for _ in range(2000):
        states = {row.ends[1]: row.state for row in Listing("xtcp", PROC).rows()}
        if states.get("%s:%d" % CLIENT) == state:
            return
        time.sleep(0.01)
    sys.exit("never came: %s in the namespace server" % (state or "an end"))


def choose_algorithm():
    """The congestion control: what make's CC= asks for, or the default. The server has it, too: only where
    both have DCTCP it is told exactly what was marked."""
    wanted = os.environ.get("ALGORITHM")
    for end in ("server", "client"):
        enter(end)
        if not wanted:
            continue
        try:
            with open(ALGORITHM, "w") as knob:
                knob.write(wanted)
        except OSError as error:
            sys.exit("no congestion control %s: %s" % (wanted, error.strerror))
    with open(ALGORITHM) as knob:
        return knob.read().strip()


def lose(numbers, isn, mss):
    """The router drops the first transmission of each of these segments: as much as fits into a bucket that takes
    12 s to be full again."""
    lines = ["filter add dev client0 ingress protocol ip prio 1 u32 match ip protocol 6 0xff "
             "match u32 0x%08x 0xffffffff at 24 action police rate 1kbit burst 1600 conform-exceed pass/drop\n" %
             ((isn + 1 + (number - 1) * mss) % MODULUS) for number in numbers]
    subprocess.run(["tc", "-n", "router", "-batch", "-"], input="".join(lines), text=True, check=True)


def transfer(client, server, octets):
    """One send() of everything and large buffers, so that no program is in the way of the protocol."""
    client.send(bytes(octets))
    server.settimeout(60)
    while octets:
        try:
            octets -= len(server.recv(1 << 20))
        except TimeoutError:
            sys.exit("the transfer stands still")


def connect():
    """Both programs' ends of a connection, and what the segments to lose are called."""
    listener = opened("server", SO_RCVBUFFORCE, 8 << 20)
    listener.bind(SERVER)
    listener.listen(16)
    listener.settimeout(20)
    client = opened("client", SO_SNDBUFFORCE, 8 << 20)
    client.bind(CLIENT)
    client.connect(SERVER)
    try:
        server, _ = listener.accept()
    except TimeoutError:
        sys.exit("nobody connects")
    listener.close()
    with open(TRACE) as file:
        syn = next(event for event in events(file, CLIENT[1]) if event.name == "segment_out" and "S" in event.flags)
    return client, server, syn.seq


def drawn(file, begin, end, *how):
    """The ladder between two moments, in seconds."""
    return subprocess.run([*LADDER, "--fold", "--brief", "--port", str(CLIENT[1]),
                           "--from", "%.3f" % (begin * 1000 - 3), "--to", "%.3f" % (end * 1000 + 2), *how, file],
                          check=True, stdout=subprocess.PIPE, text=True).stdout


def part(file, begin, end, *expected):
    """Shows the ladder. Looks for the expected words in a wide one, which breaks no row."""
    print(drawn(file, begin, end), end="", flush=True)
    must_show(re.sub("\033\\[[0-9;]*m", "", drawn(file, begin, end, "--width", "140")), *expected)


def lessons(file, algorithm):
    """Each loss by itself."""
    with open(file) as lines:
        found = Transfer(lines, CLIENT[1])
    lost = {segment.left // (segment.right - segment.left) + 1: segment for segment in reversed(found.lost())}
    for number in ONE + BURST + LAST:
        if number not in lost:
            sys.exit("segment %d was not lost" % number)

    def span(numbers):
        segments = [lost[number] for number in numbers]
        return segments[0].time, found.repaired(segments)

    title("segment %d is lost: the ACKs of later segments tell the sender" % ONE)
    part(file, *span(ONE), r"-X ", r"\(Recovery: .*\)", r"\(resent\).*->")
    # one that begins at once after another draws no mark of its own
    marks = [change for before, change in zip([None, *found.changes], found.changes)
             if change.reason == "congestion mark" and change.time < lost[BURST[0]].time and
             (not before or change.time - before.time > MARK_SEEN)]
    if algorithm == "dctcp":
        if not marks:
            sys.exit("the router has marked nothing")
        title("the queue holds more than 10 segments: the router marks, and cwnd falls")
        part(file, marks[-1].time - MARK_SEEN, marks[-1].time, r"\(marked CE on", r"ACK,ECE ",
             r"\(CWR: congestion mark, ")
    title("segments %d to %d are lost, one after the other" % (BURST[0], BURST[-1]))
    part(file, *span(BURST), r"-X ", r"-X ", r"\(Recovery: .*\)", r"\(resent\).*->", r"\(resent\).*->")
    title("the last segment is lost: no ACK can tell, only a timer")
    # "CWR: " is not there if a mark had led to it before
    part(file, lost[SEGMENTS].time, found.bounds()[1], r"-X ", r"\(resent\).*->", r"tail loss probe sent",
         r"\((CWR: )?tail loss probe: it filled a hole")
    print(wrapped("The probe's ACK does not tell whether the last segment arrived once or twice; the ACK of the FIN does."))


def show_all(file, algorithm):
    title("all of it")
    picture = "%s/loss-%s.svg" % (OUT, algorithm)
    subprocess.run(["scripts/tools/xtcp-plot", "--port", str(CLIENT[1]), "--color" if COLOR else "--plain",
                    "--svg", picture,
                    "--title", "Loss and recovery: xtcp, " + algorithm, file], check=True)
    print("\nthe picture: " + os.path.relpath(picture))


def main():
    os.environ["NSTAT_HISTORY"] = "/tmp/demo/nstat"
    algorithm = choose_algorithm()
    client, server, isn = connect()
    mss = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
    at_random = os.environ.get("RANDOM_LOSS")
    if not at_random:
        lose(ONE + BURST + LAST, isn, mss)
    title("%d segments by %s, through a router: %s" % (SEGMENTS, algorithm, os.environ["PATH_WORDS"]))
    print(wrapped("A segment has %d octets. The router drops %s." % (mss, at_random + " of them" if at_random else
                  "segment %d, segments %d to %d and the last one, each once" % (*ONE, BURST[0], BURST[-1]))), flush=True)
    transfer(client, server, SEGMENTS * mss)
    client.close()
    wait_for_server("CLOSE-WAIT")
    server.close()
    wait_for_server(None)
    file = OUT + "/loss-%s.trace" % algorithm
    shutil.copyfile(TRACE, file)
    if not at_random:
        lessons(file, algorithm)
    show_all(file, algorithm)
    title("the sender's counters")
    enter("client")
    print(wrapped("client$ nstat " + " ".join(COUNTERS)), flush=True)
    text = subprocess.run(["nstat", *COUNTERS], check=True, stdout=subprocess.PIPE, text=True).stdout
    text = text.replace("#kernel\n", "#xtcp\n", 1)     # stock nstat's word for whatever it reads
    print(text, end="", flush=True)
    must_show(text, "^#xtcp\n", *["TcpRetransSegs"] * (not at_random))


main()
