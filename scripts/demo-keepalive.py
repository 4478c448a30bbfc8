#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of make demo D=keepalive: connections on xtcp from the namespace
"client" to "server" on which nobody says anything."""

import errno
import os
import select
import socket
import subprocess

from demolib import PORT, SERVER, Socket, counter, enter, ladder, must_show, shown, title, wait_state, wait_until

ANSWERED, GONE = 50001, 50002
SS = ("ss", "-Htano", "state", "established")


def connect(listener, port):
    """A connection, and both programs' ends of it."""
    client = Socket("client").connect(port)
    if not listener.wait(select.POLLIN, 20):
        raise SystemExit("nobody connects")
    server = listener.accept()
    wait_state("client", port, "ESTAB")
    return client, server


def keep_alive(client):
    """Probes after a second in which nothing came, then each second, three times."""
    client.set(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    client.set(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    client.set(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    client.set(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def probes_sent():
    return counter("client", "TcpExt", "TCPKeepAlive")


def wait_probes(number):
    wait_until(lambda: probes_sent() >= number, "%d probes" % number)


def nstat(*names):
    """What has moved since forget()."""
    return shown("client", "nstat", *names)


def forget():
    enter("client")
    subprocess.run(["nstat", "-n"], check=True)


def peer_answers(listener):
    title("SO_KEEPALIVE, TCP_KEEPIDLE 1 s, TCP_KEEPINTVL 1 s, TCP_KEEPCNT 3; nobody says anything")
    client, server = connect(listener, ANSWERED)
    forget()
    keep_alive(client)
    must_show(shown("client", *SS), r":80 +timer:\(keepalive,")
    wait_probes(4)
    title("four probes later: each was answered, so the connection lives")
    must_show(shown("client", *SS), r":80 +timer:\(keepalive,")
    must_show(nstat("TcpExtTCPKeepAlive"), r"TcpExtTCPKeepAlive +[4-9] ")
    probe = [r"\(keepalive timer\)", r"-- ACK SEQ=0 ACK=1 .*->", r"<-.* ACK SEQ=1 ACK=1 "]
    must_show(ladder(ANSWERED), *probe * 3)
    print("a probe is an ACK with SEQ = SND.NXT-1, an octet that was acknowledged long ago (here SND.NXT is 1)")
    client.close()
    server.close()


def peer_vanishes(listener):
    title("the same, and the server's link has gone down: two probes later, the last number of the timer")
    client, server = connect(listener, GONE)
    wait_state("server", GONE, "ESTAB")
    subprocess.run("ip -n server link set veth0 down", shell=True, check=True)
    forget()
    before = probes_sent()
    keep_alive(client)
    wait_probes(before + 2)
    must_show(shown("client", *SS), r":80 +timer:\(keepalive,[^,]*,[23]\)")
    if not client.wait(select.POLLHUP, 20):
        raise SystemExit("the connection does not end")
    error = errno.errorcode.get(client.error(), "none")
    title("three probes without an answer: read() says " + error)
    must_show(error, "ETIMEDOUT")
    must_show(nstat("TcpExtTCPKeepAlive", "TcpExtTCPAbortOnTimeout"), r"TcpExtTCPAbortOnTimeout +1 ",
              r"TcpExtTCPKeepAlive +3 ")
    must_show(ladder(GONE), *[r"\(keepalive timer\)", r"-- ACK SEQ=0 ACK=1 .*X"] * 3, r"\(keepalive timer\)",
              "CLOSED .*-- RST,ACK SEQ=1 ACK=1 .*X")
    client.close()
    return server


def peer_returns(server):
    title("the server noticed nothing: it never asked")
    must_show(shown("server", *SS), r"10\.77\.0\.1:%d" % GONE)
    title("its link comes back, it writes, and is told")
    subprocess.run("ip -n server link set veth0 up", shell=True, check=True)
    server.send(b"are you there?")
    if not server.wait(select.POLLHUP, 20):
        raise SystemExit("the server's connection does not end")
    error = errno.errorcode.get(server.error(), "none")
    print("the server's error: " + error)
    must_show(error, "ECONNRESET")
    must_show(ladder(GONE), "PSH,ACK SEQ=1 ACK=1 LEN=14 ", "RST SEQ=1 .*CLOSED")
    print("nobody had the connection any more, and what xtcp does not have is kernel TCP's: so the RST is")
    server.close()


def main():
    os.environ["NSTAT_HISTORY"] = "/tmp/demo/nstat"
    listener = Socket("server")
    listener.bind(SERVER, PORT)
    listener.listen(16)
    peer_answers(listener)
    peer_returns(peer_vanishes(listener))
    listener.close()


main()
