#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""One of two virtual machines that models of network cards join (scripts/check/check-cards.sh).

    cards.py serve MODULE       has one card: sends back what comes, on both stacks, until drive has ended
    cards.py drive MODULE       has two: octets go there and come back, while a card is changed in mid-stream
    cards.py echo PORT          what serve runs on a stack
    cards.py stream HOST PORT   what drive runs on a stack; says when an eighth has come back"""

import ctypes
import fcntl
import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + "/programs")

import stage  # noqa: E402
from stage import result  # noqa: E402

PORTS = {"xtcp": 5001, "kernel": 5002}
END = 5003
EIGHTH = 1 << 19
RUNS = int(os.environ.get("RUNS", 3))
SECONDS = 90
PATIENCE = 1200  # the other machine may have to wait until others end
WINDOW = 1 << 17
PROBES = 8  # what timers send during an outage, and a loss that has nothing to do with it
# commands of SIOCETHTOOL that set an offload, and those for flags, of which one is LRO
TX, SG, TSO, GSO, GRO = 0x17, 0x19, 0x1f, 0x24, 0x2c
GET_FLAGS, SET_FLAGS, LRO = 0x25, 0x26, 1 << 15


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def cards():
    return sorted(name for name in os.listdir("/sys/class/net") if os.path.exists("/sys/class/net/%s/device" % name))


def up(name, machine, net=0):
    ip("addr add 10.78.%d.%d/24 dev %s" % (net, machine, name))
    ip("addr add fd78:%d::%d/64 dev %s nodad" % (net, machine, name))
    ip("link set %s up" % name)


def ethtool(name, command, value=0):
    """The value that comes back; None if the card does not take it."""
    data = ctypes.create_string_buffer(struct.pack("II", command, value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            fcntl.ioctl(sock, 0x8946, struct.pack("16sQ16x", name.encode(), ctypes.addressof(data)))
        except OSError:
            return None
    return struct.unpack_from("I", data, 4)[0]


def began(module):
    subprocess.run(["insmod", module], check=True)
    for name in "e1000", "vmxnet3", "8139cp", "virtio_net", "8021q", "bonding":
        subprocess.run(["modprobe", name], check=name in ("8021q", "bonding"))
    with open("/proc/sys/net/ipv6/conf/all/keep_addr_on_down", "w") as file:
        file.write("1")


def large(name, mtu=9000):
    return subprocess.run(["ip", "link", "set", name, "mtu", str(mtu)], stderr=subprocess.DEVNULL, check=False).returncode == 0


def small_buffers(sock):
    """So that all that is in flight is known."""
    for option in socket.SO_RCVBUF, socket.SO_SNDBUF:
        sock.setsockopt(socket.SOL_SOCKET, option, WINDOW)


def echo(port):
    def back(sock):
        with sock:
            while data := sock.recv(1 << 16):
                sock.sendall(data)
    listener = socket.socket(socket.AF_INET6)
    small_buffers(listener)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    listener.listen(8)
    print("listens", flush=True)
    while True:
        threading.Thread(target=back, args=(listener.accept()[0],), daemon=True).start()


def on(stack, *words):
    return subprocess.Popen(([stage.RUN] if stack == "xtcp" else []) + [sys.executable, os.path.abspath(__file__), *words],
                            stdout=subprocess.PIPE, text=True)


def module_goes():
    def gone():
        return subprocess.run(["scripts/xtcp", "unload"], stdout=subprocess.DEVNULL, check=False).returncode == 0
    stage.wait(gone, "unload", SECONDS)
    return True


def reach():
    """A connection that keeps serve as long as it is open."""
    found = []

    def there():
        try:
            found.append(socket.create_connection(("10.78.0.2", END)))
        except OSError:
            return False
        return True
    stage.wait(there, "the other machine", PATIENCE)
    return found[0]


def serve():
    name = cards()[0]
    large(name)
    up(name, 2)
    ip("link add link %s name vlan type vlan id 5" % name)
    up("vlan", 2, 5)
    ends = [on(stack, "echo", str(port)) for stack, port in PORTS.items()]
    assert all(end.stdout.readline() == "listens\n" for end in ends)
    with socket.create_server(("", END)) as listener:
        listener.accept()[0].recv(1)
    for end in ends:
        end.kill()
        end.wait()
    return module_goes()


def stream(where, port):
    sent, got, octets = hashlib.sha256(), hashlib.sha256(), 0
    sock = socket.socket(socket.AF_INET6 if ":" in where else socket.AF_INET)
    small_buffers(sock)
    sock.connect((where, port))

    def send():
        for _ in range(8 * EIGHTH >> 16):
            data = os.urandom(1 << 16)
            sent.update(data)
            sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    thread = threading.Thread(target=send)
    thread.start()
    while data := sock.recv(1 << 16):
        got.update(data)
        for _ in range(octets // EIGHTH, (octets + len(data)) // EIGHTH):
            print("eighth", flush=True)
        octets += len(data)
    thread.join()
    return octets == 8 * EIGHTH and sent.digest() == got.digest()


def carries(stack, peer, version, change=None, net=0):
    """All octets come back, while @change(eighth) is called after each."""
    where = "10.78.%d.2" % net if version == 4 else "fd78:%d::2" % net
    with on(stack, "stream", where, str(PORTS[peer])) as process:
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        for eighth, _ in enumerate(process.stdout, 1):
            if change:
                change(eighth)
        watchdog.cancel()
    return process.returncode == 0


def toggled(name):
    """Each offload goes and comes back."""
    def change(eighth):
        if eighth < 8:
            for command in {1: (TSO,), 2: (GSO,), 3: (GRO,), 4: (SG,), 5: (TX,)}.get(eighth, (TX, SG, TSO, GSO, GRO)):
                ethtool(name, command, int(eighth > 5))
    return change


def lro(name):
    flags = ethtool(name, GET_FLAGS)
    if flags is None or ethtool(name, SET_FLAGS, flags ^ LRO) is None or ethtool(name, GET_FLAGS) == flags:
        return None
    return lambda eighth: ethtool(name, SET_FLAGS, flags ^ (LRO if eighth % 2 else 0))


def off(name):
    """For two seconds the card is off: the outage is as long on each stack, so what they resend can be compared."""
    def change(eighth):
        if eighth == 2:
            ip("link set %s down" % name)
            time.sleep(2)
            ip("link set %s up" % name)
    return change


def cable(name, state):
    with open("/run/vm/cable", "w") as file:
        file.write("a0 " + state)

    def is_so():
        with open("/sys/class/net/%s/carrier" % name) as file:
            return file.read() == {"on": "1\n", "off": "0\n"}[state]
    stage.wait(is_so, "the cable is " + state, SECONDS)


def unplugged(name):
    """The same without a carrier: routes and addresses stay."""
    def change(eighth):
        if eighth == 2:
            cable(name, "off")
            time.sleep(2)
            cable(name, "on")
    return change


def replaced(name):
    def change(eighth):
        if eighth == 2:
            slot = os.path.realpath("/sys/class/net/%s/device" % name)
            while not os.path.exists(slot + "/remove"):  # virtio's is a device of the one in the slot
                slot = os.path.dirname(slot)
            for path in slot + "/remove", "/sys/bus/pci/rescan":
                with open(path, "w") as file:
                    file.write("1")
            up(name, 1)
    return change


def resent(stack):
    with open("/proc/net/" + ("snmp" if stack == "kernel" else "xtcp_snmp")) as file:
        names, values = [line.split() for line in file if line.startswith("Tcp:")]
    return int(values[names.index("RetransSegs")])


def copies():
    """Segments that xtcp's peers had already when they came, as D-SACKs say."""
    with open("/proc/net/xtcp_netstat") as file:
        names, values = [line.split() for line in file if line.startswith("TcpExt:")]
    return int(values[names.index("TCPDSACKRecvSegs")])


def resent_since(outage, stack):
    """What @stack sends again from the outage on."""
    before = []

    def change(eighth):
        if eighth == 2:
            before.append(resent(stack))
        outage(eighth)
    return change, lambda: resent(stack) - before[0]


def drive():
    first, second = cards()
    up(first, 1)
    ending = reach()
    for version in 4, 6:
        for stack, peer in ("xtcp", "xtcp"), ("xtcp", "kernel"), ("kernel", "xtcp"):
            result(carries(stack, peer, version), "%s to %s, IPv%d" % (stack, peer, version))
    # rtl8139 has room for 64 packets: a burst may be too much for it, before and after an outage
    drops = resent("xtcp") > PROBES

    def both(what, change=None, net=0):
        for peer, version in ("xtcp", 4), ("kernel", 6):
            ok = carries("xtcp", peer, version, change, net)
            if not ok and not carries("kernel", "kernel", version, change, net):
                result(True, "%s # SKIP kernel TCP carries nothing there, either" % what)
                break
            result(ok, "xtcp to %s, IPv%d, %s" % (peer, version, what))
    both("offloads go and come", toggled(first))
    if lro(first):
        both("LRO goes and comes", lro(first))
    if large(first):
        both("MTU 9000")
        large(first, 1500)
        both("MTU 1500, then 9000", lambda eighth: eighth != 3 or large(first))
        large(first, 1500)
    ip("link add link %s name vlan type vlan id 5" % first)
    up("vlan", 1, 5)
    both("VLAN", toggled(first), 5)
    ip("link del vlan")
    for what, outage in ("off for 2 s", off(first)), ("no carrier for 2 s", unplugged(first)):
        both(what, outage)
        counts, had = {"xtcp": [], "kernel": []}, copies()
        for stack in list(counts) * RUNS:
            change, again = resent_since(outage, stack)
            result(carries(stack, "kernel", 4, change), "%s to kernel, IPv4, %s" % (stack, what))
            counts[stack].append(again())
        print("# segments sent again, %s: %s" % (what, counts))
        result(copies() - had <= PROBES * RUNS, "nothing that had come is sent again but by timers, " + what)
        if not drops:
            result(max(counts["xtcp"]) <= WINDOW // 1448 + PROBES, "what was in flight is sent again once, " + what)
    both("the card goes and comes back", replaced(first))
    ip("addr flush dev %s" % first)
    ip("link set %s down" % first)
    for mode in "active-backup", "balance-rr":
        ip("link add bond type bond mode %s miimon 100" % mode)
        for name in first, second:
            ip("link set %s down" % name)
            ip("link set %s master bond" % name)
        up("bond", 1)
        both("bond of two, %s, one goes" % mode, off(first))
        ip("link del bond")
    up(first, 1)
    ending.shutdown(socket.SHUT_WR)
    ending.recv(1)
    result(module_goes(), "the module goes")
    print("1..%d" % stage.number, flush=True)
    return stage.failed == 0


if sys.argv[1] == "stream":
    sys.exit(not stream(sys.argv[2], int(sys.argv[3])))
if sys.argv[1] == "echo":
    echo(int(sys.argv[2]))
began(sys.argv[2])
sys.exit(not {"serve": serve, "drive": drive}[sys.argv[1]]())
