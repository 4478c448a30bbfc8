#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of make demo D=backlog: one listener on xtcp in the namespace
"server", clients on xtcp in "client", SYNs of nobody by a raw socket."""

import os
import select
import socket
import struct
import subprocess

from demolib import PORT, SERVER, Socket, enter, ladder, run, sysctl, title, wait_until

COUNTERS = ("TcpPassiveOpens", "TcpExtListenOverflows", "TcpExtListenDrops", "TcpExtTCPReqQFullDoCookies",
            "TcpExtTCPReqQFullDrop", "TcpExtSyncookiesSent", "TcpExtSyncookiesRecv", "TcpExtEmbryonicRsts")


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def syn_of_nobody(port):
    """A SYN from an address that will never answer."""
    enter("client")
    src, dst = socket.inet_aton("10.77.0.66"), socket.inet_aton(SERVER)
    tcp = struct.pack("!HHIIBBHHHBBH", port, PORT, port * 1000, 0, 6 << 4, 2, 64240, 0, 0, 2, 4, 1460)
    pseudo = src + dst + struct.pack("!HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), port, 0, 64, 6, 0) + src + dst
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(ip + tcp, (SERVER, 0))


def show(port=None):
    """The queues by ss, the counters by nstat as far as they have moved, the segments."""
    enter("server")
    print("$ ss -ltn", flush=True)
    run("ss", "-ltn")
    print("$ nstat", flush=True)
    run("nstat", *COUNTERS)
    if port:
        ladder(port)


def listing():
    enter("server")
    print("$ cat /proc/net/xtcp_listen", flush=True)
    with open("/proc/net/xtcp_listen") as file:
        print(file.read(), end="", flush=True)


def column(name):
    enter("server")
    with open("/proc/net/xtcp_listen") as file:
        names, values = file.readline().split(), file.readline().split()
    return int(values[names.index(name)])


def wait_for(name, value):
    wait_until(lambda: column(name) == value, "%s = %d" % (name, value))


def accept_queue():
    title("listen(fd, 1): both queues have the limit 1, and hold one more")
    listener = Socket("server")
    listener.bind(SERVER, PORT)
    listener.listen(1)
    show()
    clients = []
    for i in (1, 2):
        title("client %d connects, nobody calls accept()" % i)
        clients.append(Socket("client").connect(50000 + i))
        wait_for("accept_len", i)
        show()
    title("client 3: the accept queue is full, its SYN is dropped")
    clients.append(Socket("client").connect(50003))
    wait_for("overflows", 1)
    show(50003)
    title("accept() makes room: the SYN of client 3, sent again, is answered")
    listener.accept().close()
    clients[2].wait(select.POLLOUT, 20)
    show(50003)
    listing()
    for client in clients:
        client.close()
    return listener


def two_at_once(listener, first):
    """Two half-open connections, whose third ACKs then meet a queue for one."""
    listener.listen(1)
    clients = [Socket("client").connect(port) for port in (first, first + 1)]
    wait_for("syn_len", 2)
    overflows = column("overflows")
    listener.listen(0)
    wait_for("overflows", overflows + 1)
    return clients


def third_ack(listener):
    title("two handshakes at once, then listen(fd, 0): the second third ACK meets a full accept queue")
    while column("accept_len"):
        listener.accept().close()
    subprocess.run("tc -n client qdisc add dev veth0 root netem delay 500ms", shell=True, check=True)
    clients = two_at_once(listener, 50011)
    show(50012)
    title("its entry stays; accept() makes room, and what the client sends next opens the connection")
    listener.accept().close()
    clients[1].send(b"hello")
    wait_for("accept_len", 1)
    show(50012)
    listener.accept().close()
    title("the same with net.xtcp.abort_on_overflow = 1: it is reset")
    sysctl("abort_on_overflow", 1)
    clients += two_at_once(listener, 50021)
    clients[3].wait(select.POLLHUP, 20)
    show(50022)
    sysctl("abort_on_overflow", 0)
    subprocess.run("tc -n client qdisc del dev veth0 root", shell=True, check=True)
    listener.accept().close()
    for client in clients:
        client.close()


def syn_queue(listener):
    listener.listen(1)
    title("SYNs of nobody fill the SYN queue: limit 1, and one more")
    for port in (1001, 1002):
        syn_of_nobody(port)
    wait_for("syn_len", 2)
    enter("server")
    print("$ ss -tan state syn-recv", flush=True)
    run("ss", "-tan", "state", "syn-recv")
    show()
    title("the third is answered too, by a cookie: nothing is kept for it")
    declined = column("declined")
    syn_of_nobody(1003)
    wait_for("declined", declined + 1)
    show(1003)
    title("a real client in the midst of it: its third ACK brings the cookie back")
    client = Socket("client").connect(50031)
    wait_for("cookies_recv", 1)
    show(50031)
    listener.accept().close()
    client.close()
    title("with net.xtcp.syncookies = 0 it is dropped")
    sysctl("syncookies", 0)
    declined = column("declined")
    client = Socket("client").connect(50041)
    wait_for("declined", declined + 1)
    show(50041)
    listing()
    client.close()


def main():
    enter("server")
    os.environ["NSTAT_HISTORY"] = "/tmp/demo/nstat"
    run("nstat", "-n")
    listener = accept_queue()
    third_ack(listener)
    syn_queue(listener)
    listener.close()


main()
