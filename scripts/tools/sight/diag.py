# SPDX-License-Identifier: GPL-2.0
"""What the kernel lists of xtcp's sockets by netlink (sock_diag), and the end of one of them."""

import errno
import os
import socket
import struct
import time

SOCK_DIAG = 4  # NETLINK_SOCK_DIAG
SOCK_DIAG_BY_FAMILY = 20
SOCK_DESTROY = 21
REQUEST_AND_ACK = 0x5
REQUEST_A_DUMP = 0x301
ERROR, DONE = 2, 3  # types of messages
HEAD = struct.Struct("=IHHII")
ANSWER = struct.Struct("=BBBB48sIIIII")  # struct inet_diag_msg
ID = struct.Struct("!HH16s16s")  # the part of struct inet_diag_sockid that has the network's order
COOKIE = slice(HEAD.size + 4 + 40, HEAD.size + 4 + 48)  # in a message
NO_COOKIE = b"\xff" * 8
MAPPED = bytes(10) + b"\xff\xff"    # an IPv4 address begins so as one of IPv6
ROOM = 65536
PATIENCE = 2.0  # seconds: a program that uses its socket gives it back now and then
HELD = "its program does not let go of the socket"

MEMINFO, INFO, VEGASINFO, CONG, TOS, TCLASS, SKMEMINFO, SHUTDOWN, DCTCPINFO = range(1, 10)
MARK, BBRINFO, CLASS_ID, MD5SIG, CGROUP = 15, 16, 17, 18, 21
MD5KEY = struct.Struct("=BBH16s80s")  # struct tcp_diag_md5sig; MD5SIG is an array of them
BYTECODE = 1    # INET_DIAG_REQ_BYTECODE
AUTOBOUND = struct.pack("=BBH", 6, 4, 8)    # INET_DIAG_BC_AUTO: a program that lets such sockets through
REQ_UID = 2500  # XTCP_DIAG_REQ_UID
REQ_COOKIE = 2501  # XTCP_DIAG_REQ_COOKIE
ABORT = 2500    # XTCP_DIAG_ABORT, of an answer: struct xtcp_abort
ACK_RATE = 2501  # XTCP_DIAG_ACK_RATE: struct xtcp_ack_rate
LOCAL = 2502    # XTCP_DIAG_LOCAL: no value
ABORT_FORMAT = struct.Struct("=BBBxI")
ABORT_TOLD = struct.Struct("=HxxI")    # behind it: the peer's code and enterprise number
ABORT_REASONS = ("none", "reset", "icmp", "timeout", "keepalive", "unread-data", "late-data", "linger", "linger2",
                 "orphans", "listener-closed", "disconnect", "killed", "netns", "user-timeout", "idle", "half-closed",
                 "user-timeout-ms", "keepalive-always")
ABORT_CAUSES = ("none", "peer", "program", "timer", "operator", "memory", "network")


class Refused(Exception):
    """.errno is that of the answer."""

    def __init__(self, number):
        super().__init__(os.strerror(number))
        self.errno = number


def until_free(ask):
    """The first errno of ask() that is not EBUSY; or that one, if it is busy for too long."""
    until = time.monotonic() + PATIENCE
    while True:
        error = ask()
        if error != errno.EBUSY or time.monotonic() > until:
            return error
        time.sleep(0.001)


def attribute(kind, octets):
    return struct.pack("=HH", 4 + len(octets), kind) + octets + bytes(-len(octets) % 4)


def messages(octets):
    at = 0
    while at + HEAD.size <= len(octets):
        length = HEAD.unpack_from(octets, at)[0]
        if length < HEAD.size:
            return
        yield octets[at:at + length]
        at += length + 3 & ~3


class Diag:
    """The listing of the module that has address family @family."""

    def __init__(self, family):
        self.family = family
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG)

    def send(self, what, flags, body):
        self.netlink.send(HEAD.pack(HEAD.size + len(body), what, flags, 0, 0) + body)

    def answer(self):
        return -struct.unpack_from("=i", self.netlink.recv(ROOM), HEAD.size)[0]

    def is_there(self):
        """Whether there is a handler: it refuses a request that is too short, and without one the answer is ENOENT."""
        self.send(SOCK_DIAG_BY_FAMILY, REQUEST_AND_ACK, struct.pack("=BBH", self.family, 0, 0))
        return self.answer() == errno.EINVAL

    def rows(self, protocol, states, attributes, uid=None, cookie=None, program=b""):
        """The messages of a dump. @states: 1 << 1 is ESTABLISHED; @attributes: 1 << n - 1 is attribute n; @uid: of the
        only owner that is wanted; @cookie: of the only socket; @program: those that it lets through."""
        request = struct.pack("=BBBxI48x", self.family, protocol, attributes, states)
        if program:
            request += attribute(BYTECODE, program)
        if uid is not None:
            request += attribute(REQ_UID, struct.pack("=I", uid))
        if cookie is not None:
            request += attribute(REQ_COOKIE, struct.pack("=Q", cookie))
        self.send(SOCK_DIAG_BY_FAMILY, REQUEST_A_DUMP, request)
        while True:
            for message in messages(self.netlink.recv(ROOM)):
                kind = HEAD.unpack_from(message)[1]
                if kind == DONE or kind == ERROR:
                    number = struct.unpack_from("=i", message, HEAD.size)[0]
                    if number:
                        raise Refused(-number)
                    return
                yield message

    def end(self, message):
        """0 or the errno of the answer. Without a cookie it ends what has these addresses by now. The kernel does not wait
        for a program that uses its socket at this moment."""
        protocol = 1 if message[HEAD.size] == socket.AF_INET6 else 0  # XTCPPROTO_IPV6, XTCPPROTO_IPV4
        request = struct.pack("=BBBxI", self.family, protocol, 0, 0xFFFFFFFF) + message[HEAD.size + 4:HEAD.size + 52]

        def ask():
            self.send(SOCK_DESTROY, REQUEST_AND_ACK, request)
            return self.answer()

        return until_free(ask)


def word_of(words, number):
    return words[number] if number < len(words) else str(number)


def abort_of(octets):
    """(reason, cause, flags, errno) of a struct xtcp_abort, the first two in words."""
    reason, cause, flags, error = ABORT_FORMAT.unpack_from(octets)
    return word_of(ABORT_REASONS, reason), word_of(ABORT_CAUSES, cause), flags, error


def told_of(octets):
    """(code, enterprise number) that the peer's RST had, of a struct xtcp_abort; None: it had none."""
    if len(octets) < ABORT_FORMAT.size + ABORT_TOLD.size:
        return None     # the module is older
    told = ABORT_TOLD.unpack_from(octets, ABORT_FORMAT.size)
    return told if told[0] else None


def ends_of_row(message):
    """(local, peer) of a row, as events write them."""
    ports_and_addresses = ID.unpack_from(message, HEAD.size + 4)
    family = message[HEAD.size]
    def name(port, octets):
        if family == socket.AF_INET6 and octets[:12] != MAPPED:
            return "[%s]:%d" % (socket.inet_ntop(family, octets), port)
        return "%s:%d" % (socket.inet_ntop(socket.AF_INET, octets[12:] if family == socket.AF_INET6 else octets[:4]), port)
    return tuple(name(*end) for end in zip(ports_and_addresses[:2], ports_and_addresses[2:]))


def ack_rate_of(octets):
    """(asked, given) of a struct xtcp_ack_rate."""
    return octets[0], octets[1]


def attributes_of(message, at=HEAD.size + ANSWER.size):
    """{type: octets} of the attributes that begin there."""
    found = {}
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if length < 4:
            break
        found[kind] = message[at + 4:at + length]
        at += length + 3 & ~3
    return found
