#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The steps of make demo D=teardown: connections on xtcp from the namespace
"client" to "server", each closed in another order."""

import errno
import os
import select
import socket
import subprocess

from demolib import PORT, SERVER, Socket, enter, ladder, must_show, shown, title, wait_state

COUNTERS = ("TcpEstabResets", "TcpOutRsts", "TcpExtTCPAbortOnClose", "TcpExtTCPAbortOnData")


def ss(ns, port):
    """The connection from that port of the client, with its timer; -H: without the headings."""
    return shown(ns, "ss", "-Htano", ("sport" if ns == "client" else "dport") + " = :%d" % port)


def history(ns):
    return {**os.environ, "NSTAT_HISTORY": "/tmp/demo/nstat-" + ns}


def nstat(ns):
    """What this connection has moved."""
    return shown(ns, "nstat", *COUNTERS, env=history(ns))


class Connection:
    """One that is established, and both programs' ends of it."""

    def __init__(self, listener, port):
        self.port = port
        for ns in ("client", "server"):
            enter(ns)
            subprocess.run(["nstat", "-n"], check=True, env=history(ns))
        self.client = Socket("client").connect(port)
        if not listener.wait(select.POLLIN, 20):
            raise SystemExit("nobody connects")
        self.server = listener.accept()
        self.state("ESTAB", "ESTAB")

    def state(self, client, server):
        wait_state("client", self.port, client)
        wait_state("server", self.port, server)

    def draw(self, *expected):
        must_show(ladder(self.port), *expected)


def receive(end):
    """What read() gives."""
    if not end.wait(select.POLLIN, 20):
        raise SystemExit("nothing to read")
    return os.read(end.fd, 65536)


def say_error(whose, end, expected):
    """What its next call says."""
    if not end.wait(select.POLLHUP, 20):
        raise SystemExit("the %s does not hear of it" % whose)
    error = errno.errorcode.get(end.error(), "none")
    print("the %s's error: %s" % (whose, error))
    must_show(error, expected)


def client_first(listener):
    title("the client closes first: it is the client that has to wait")
    c = Connection(listener, 50001)
    c.client.close()
    c.state("FIN-WAIT-2", "CLOSE-WAIT")
    must_show(ss("client", c.port), "FIN-WAIT-2", r"timer:\(timewait,\d+")
    must_show(ss("server", c.port), "CLOSE-WAIT")
    print("its program has gone, so FIN-WAIT-2 is only a record, for net.xtcp.fin_timeout; the server closes now")
    c.server.close()
    c.state("TIME-WAIT", None)
    must_show(ss("client", c.port), "TIME-WAIT", r"timer:\(timewait,\d+sec")
    c.draw(r"FIN-WAIT-1 \|-- FIN,ACK SEQ=1 ACK=1 .*CLOSE-WAIT", "FIN-WAIT-2 .*<-.* ACK SEQ=1 ACK=2 ",
           r"TIME-WAIT \|<-.* FIN,ACK SEQ=1 ACK=2 .*LAST-ACK", "-- ACK SEQ=2 ACK=2 .*CLOSED")


def server_first(listener):
    title("the server closes first: TIME-WAIT is the server's")
    c = Connection(listener, 50002)
    c.server.close()
    if receive(c.client):
        raise SystemExit("the client reads something")
    c.client.close()
    c.state(None, "TIME-WAIT")
    must_show(ss("server", c.port), "TIME-WAIT", r"timer:\(timewait,\d+sec")
    c.draw(r"CLOSE-WAIT \|<-.* FIN,ACK .*FIN-WAIT-1", "LAST-ACK .*-- FIN,ACK .*FIN-WAIT-2",
           r"\| TIME-WAIT", "CLOSED .*<-.* ACK ")


def half_close(listener):
    title("half-close: the client has said all, shutdown(fd, SHUT_WR), and still reads")
    c = Connection(listener, 50003)
    c.client.send(b"question")
    c.client.shutdown(socket.SHUT_WR)
    c.state("FIN-WAIT-2", "CLOSE-WAIT")
    must_show(ss("client", c.port), "FIN-WAIT-2")
    print("no timer: as long as its program has it, FIN-WAIT-2 may last; the server answers now, then closes")
    if receive(c.server) != b"question":
        raise SystemExit("the server reads something else")
    c.server.send(b"a longer answer")
    c.server.close()
    if receive(c.client) != b"a longer answer" or receive(c.client):
        raise SystemExit("the client reads something else")
    c.client.close()
    c.state("TIME-WAIT", None)
    c.draw("-- PSH,ACK SEQ=1 ACK=1 LEN=8 ", "FIN-WAIT-1 .*-- FIN,ACK SEQ=9 ", r"<-.* PSH,ACK SEQ=1 ACK=10 LEN=15 ",
           "FIN,ACK SEQ=16 ", "TIME-WAIT|LAST-ACK")


def both_at_once(listener):
    title("both close at once: the FINs cross (what the client sends takes 300 ms here)")
    subprocess.run("tc -n client qdisc add dev veth0 root netem delay 300ms", shell=True, check=True)
    c = Connection(listener, 50004)
    c.client.close()
    c.server.close()
    wait_state("client", c.port, "CLOSING")
    must_show(ss("client", c.port), "CLOSING")
    c.state("TIME-WAIT", "TIME-WAIT")
    subprocess.run("tc -n client qdisc del dev veth0 root", shell=True, check=True)
    for ns in ("client", "server"):
        must_show(ss(ns, c.port), "TIME-WAIT")
    c.draw("FIN-WAIT-1 .*-- FIN,ACK SEQ=1 ACK=1 ", "FIN,ACK SEQ=1 ACK=1 .*FIN-WAIT-1", "CLOSING",
           "TIME-WAIT")


def unread_data(listener):
    title("the server closes and has not read everything: RST, so that the client does not believe that it was read")
    c = Connection(listener, 50005)
    c.client.send(b"nobody reads this")
    if not c.server.wait(select.POLLIN, 20):
        raise SystemExit("the text does not arrive")
    must_show(ss("server", c.port), r"ESTAB\s+17 ")
    c.server.close()
    say_error("client", c.client, "ECONNRESET")
    c.state(None, None)
    must_show(nstat("server"), r"TcpOutRsts\s+1 ", r"TcpExtTCPAbortOnClose\s+1 ")
    c.draw("-- PSH,ACK SEQ=1 ACK=1 LEN=17 ", "CLOSED .*<-.* RST,ACK SEQ=1 .*CLOSED")
    c.client.close()


def linger_0(listener):
    title("close() with SO_LINGER on and 0 seconds: RST, and nobody waits")
    c = Connection(listener, 50006)
    c.client.set(socket.SOL_SOCKET, socket.SO_LINGER, 1, 0)
    c.client.close()
    say_error("server", c.server, "ECONNRESET")
    c.state(None, None)
    must_show(nstat("client"), r"TcpOutRsts\s+1 ", r"TcpExtTCPAbortOnData\s+1 ")
    must_show(nstat("server"), r"TcpEstabResets\s+1 ")
    c.draw("CLOSED .*-- RST,ACK SEQ=1 ACK=1 .*CLOSED")
    c.server.close()


def data_after_close(listener):
    title("the client closes and the server writes nevertheless: RST, nobody would read it")
    c = Connection(listener, 50007)
    c.client.close()
    c.state("FIN-WAIT-2", "CLOSE-WAIT")
    c.server.send(b"too late")
    say_error("server", c.server, "EPIPE")
    c.state(None, None)
    must_show(nstat("client"), r"TcpOutRsts\s+1 ", r"TcpExtTCPAbortOnData\s+1 ")
    c.draw("FIN-WAIT-2", r"<-.* PSH,ACK SEQ=1 ACK=2 LEN=8 ", "-- RST")
    c.server.close()


def main():
    listener = Socket("server")
    listener.bind(SERVER, PORT)
    listener.listen(16)
    for show in (client_first, server_first, half_close, both_at_once, unread_data, linger_0, data_after_close):
        show(listener)
    title("what is left: TIME-WAIT, one minute each (net.xtcp.timewait_ms), at the end that closed first")
    must_show(shown("client", "ss", "-Htano", "state", "time-wait"), *[r":80 +timer:\(timewait"] * 3)
    must_show(shown("server", "ss", "-Htano", "state", "time-wait"), ":80 ", ":80 ")
    listener.close()


main()
