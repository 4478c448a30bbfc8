# SPDX-License-Identifier: GPL-2.0
"""CPython's own tests of sockets, servers, clients, event loops and TLS, as Debian packages them: each has the same result
under xtcp_run as on kernel TCP."""

import os
import xml.etree.ElementTree as ElementTree

from stage import Proof, must, run, say, work

# name: which modules; which of their tests, by regrtest's options; how many have to pass on kernel TCP
LOOPS = ("*EPoll*create_connection*", "*EPoll*create_server*", "*EPoll*sock_*", "*EPoll*connect_accepted*")
GROUPS = {
    "sockets": (("test_socket",), ("-i", "*UDP*", "-i", "*SCTP*", "-i", "*Unix*", "-i", "*CAN*", "-i", "*Crypto*"), 200),
    "servers": (("test_socketserver", "test_httpservers", "test_xmlrpc"), ("-u", "network"), 100),
    "clients": (("test_ftplib", "test_httplib", "test_smtplib", "test_poplib", "test_urllib2_localnet"), (), 200),
    "readiness": (("test_select", "test_selectors", "test_poll", "test_epoll"), (), 40),
    "asyncio": (("test_asyncio.test_streams", "test_asyncio.test_server", "test_asyncio.test_sock_lowlevel",
                 "test_asyncio.test_sendfile", "test_asyncio.test_buffered_proto"), (), 100),
    "asyncio's loop": (("test_asyncio.test_events",), tuple(word for name in LOOPS for word in ("-m", name)), 10),
    "TLS": (("test_ssl",), ("-m", "*ThreadedTests*", "-m", "*BackgroundTests*", "-m", "*HandshakeAuth*", "-m",
                            "*PreHandshakeClose*", "-m", "*SSLDebug*"), 60),
}
# What is meant to differ: none is known of these.
DIFFERS = {}


def results(stack, name):
    """{test: ok, or what it was instead}, by the file that regrtest writes."""
    modules, more, _ = GROUPS[name]
    path = work + "/cpython.xml"
    if os.path.exists(path):
        os.unlink(path)
    # of its time others go: 1/120 for an answer on loopback
    out = run("client", stack, "/usr/bin/python3", "-m", "test", "--timeout", "2400", "--junit-xml", path, *more, *modules,
              status=None, seconds=400)
    must(os.path.exists(path), out.decode(errors="replace")[-1500:])
    found = {}
    for case in ElementTree.parse(path).iter("testcase"):
        wrong = [child.tag for child in case if child.tag in ("error", "failure", "skipped", "output")]
        found[case.get("name") or "one whose parts failed"] = wrong[0] if wrong else case.get("outcome", "ok")
    return found


def same(name):
    theirs = results("kernel", name)
    passed = list(theirs.values()).count("ok")
    must(passed >= GROUPS[name][2], "%d tests pass on kernel TCP" % passed)
    proof = Proof(client="xtcp")
    ours = results("xtcp", name)
    proof.check(4)
    other = {test: (ours.get(test), theirs.get(test)) for test in {*ours, *theirs} if ours.get(test) != theirs.get(test)}
    failed = sorted(test for test, how in theirs.items() if how in ("error", "failure"))
    say("%d tests pass, %d are skipped, %d fail on kernel TCP%s" % (
        passed, list(theirs.values()).count("skipped"), len(failed), "".join(" " + test for test in failed)))
    must(set(other) == {test for test in DIFFERS if test in theirs},
         "xtcp, kernel TCP: " + str({test: other[test] for test in other if test not in DIFFERS}))


def cases():
    for name in GROUPS:
        yield name, lambda name=name: same(name)
