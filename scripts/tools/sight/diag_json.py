# SPDX-License-Identifier: GPL-2.0
"""A row of a listing by netlink as an object of JSON. Names are those of the kernel's structs, in units of theirs."""

import errno
import socket
import struct
import sys

from causes import cause_of
from diag import (ABORT, ACK_RATE, ANSWER, BBRINFO, CGROUP, CLASS_ID, CONG, DCTCPINFO, HEAD, ID, INFO, LOCAL, MARK, MD5KEY,
                  MD5SIG, NO_COOKIE, SHUTDOWN, SKMEMINFO, TCLASS, TOS, abort_of, ack_rate_of, attributes_of, told_of)

STATES = ("unknown", "established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait", "unconnected",
          "close-wait", "last-ack", "listening", "closing")
TIMERS = (None, "on", "keepalive", "timewait", "persist")
# struct tcp_info: its format and its names, without tcpi_. Fields of several bits have one octet.
TCP_INFO = (
    ("B", "state ca_state retransmits probes backoff options wscale flags"),
    ("I", "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv "
          "last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space "
          "total_retrans"),
    ("Q", "pacing_rate max_pacing_rate bytes_acked bytes_received"),
    ("I", "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out"),
    ("Q", "delivery_rate busy_time rwnd_limited sndbuf_limited"),
    ("I", "delivered delivered_ce"),
    ("Q", "bytes_sent bytes_retrans"),
    ("I", "dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash"),
    ("H", "total_rto total_rto_recoveries"),
    ("I", "total_rto_time"),
)
INFO_NAMES = [name for _, names in TCP_INFO for name in names.split()]
INFO_FORMAT = struct.Struct("=" + "".join(letter * len(names.split()) for letter, names in TCP_INFO))
OPTIONS = ("ts", "sack", "wscale", "ecn", "ecnseen", "fastopen")
DCTCP = ("enabled", "ce_state", "alpha", "ab_ecn", "ab_tot")
MEMORY = ("rmem_alloc", "rcvbuf", "wmem_alloc", "sndbuf", "fwd_alloc", "wmem_queued", "optmem", "backlog", "drops")


def unpack_some(names, form, octets):
    octets = octets[:form.size]
    return dict(zip(names, form.unpack(octets + bytes(form.size - len(octets)))))


def info_of(octets):
    info = unpack_some(INFO_NAMES, INFO_FORMAT, octets)
    wscale, flags, options = info.pop("wscale"), info.pop("flags"), info.pop("options")
    info["options"] = [name for bit, name in enumerate(OPTIONS) if options & 1 << bit]
    info["snd_wscale"], info["rcv_wscale"] = wscale & 15, wscale >> 4
    info["delivery_rate_app_limited"] = bool(flags & 1)
    info["fastopen_client_fail"] = flags >> 1 & 3
    return info


def bbr_of(octets):
    low, high, *rest = struct.unpack_from("=5I", octets)
    return {"bw": low | high << 32, **dict(zip(("min_rtt", "pacing_gain", "cwnd_gain"), rest))}


def end_of(family, octets, port):
    addr = octets[:16 if family == socket.AF_INET6 else 4]
    return {"addr": socket.inet_ntop(family, addr), "port": port}


def device(index):
    try:
        return socket.if_indextoname(index)
    except OSError:
        return str(index)


def number(octets):
    return int.from_bytes(octets, sys.byteorder)


def keys_of(octets):
    """Of the array of an INET_DIAG_MD5SIG; the octets of a key in hexadecimal. Keys that went meanwhile are left out."""
    for family, prefix, length, addr, key in MD5KEY.iter_unpack(octets):
        if family:
            size = 4 if family == socket.AF_INET else 16
            yield {"peer": "%s/%d" % (socket.inet_ntop(family, addr[:size]), prefix), "key": key[:length].hex()}


def details(attributes):
    """What not every row has."""
    found = {}
    for kind, name in ((MARK, "mark"), (TOS, "tos"), (TCLASS, "tclass"), (CLASS_ID, "class_id"), (CGROUP, "cgroup"),
                       (SHUTDOWN, "shutdown")):
        if kind in attributes:
            found[name] = number(attributes[kind])
    if CONG in attributes:
        found["congestion"] = attributes[CONG].rstrip(b"\0").decode("ascii", "replace")
    if INFO in attributes:
        found["info"] = info_of(attributes[INFO])
    if BBRINFO in attributes:
        found["bbr"] = bbr_of(attributes[BBRINFO])
    if DCTCPINFO in attributes:
        found["dctcp"] = dict(zip(DCTCP, struct.unpack_from("=HHIII", attributes[DCTCPINFO])))
    if MD5SIG in attributes:
        found["md5keys"] = list(keys_of(attributes[MD5SIG]))
    if ABORT in attributes:
        reason, cause, flags, error = abort_of(attributes[ABORT])
        found["abort"] = {"reason": reason, "cause": cause, "flags": flags, "error": errno.errorcode.get(error, error)}
        told = told_of(attributes[ABORT])
        if told:
            found["abort"].update(peer_code=told[0], peer_pen=told[1], peer_says=cause_of(*told))
    if ACK_RATE in attributes:
        found["ack_rate"] = dict(zip(("asked", "given"), ack_rate_of(attributes[ACK_RATE])))
    if LOCAL in attributes:
        found["is_local"] = True
    if SKMEMINFO in attributes:
        found["memory"] = dict(zip(MEMORY, struct.unpack_from("=9I", attributes[SKMEMINFO])))
    return found


def object_of(message, owners=None):
    """@owners: {inode: programs}, if they are wanted"""
    family, state, timer, retransmits, ident, expires, recv_q, send_q, uid, inode = ANSWER.unpack_from(
        message, HEAD.size)
    sport, dport, src, dst = ID.unpack_from(ident)
    index = struct.unpack_from("=I", ident, ID.size)[0]
    cookie = ident[ID.size + 4:]
    found = {
        "state": STATES[state] if state < len(STATES) else state,
        "family": "inet6" if family == socket.AF_INET6 else "inet",
        "local": end_of(family, src, sport), "peer": end_of(family, dst, dport),
        "recv_q": recv_q, "send_q": send_q, "uid": uid, "inode": inode,
    }
    if cookie != NO_COOKIE:
        low, high = struct.unpack("=II", cookie)
        found["cookie"] = high << 32 | low
    if index:
        found["dev"] = device(index)
    if timer:
        found["timer"] = {"name": TIMERS[timer] if timer < len(TIMERS) else timer, "expires_ms": expires,
                          "retransmits": retransmits}
    if owners is not None:
        found["programs"] = owners.get(inode, [])
    found.update(details(attributes_of(message)))
    return found
