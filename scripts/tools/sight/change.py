# SPDX-License-Identifier: GPL-2.0
"""What xtcp-ss --set does: it changes the connections that ss chooses from a listing by netlink.

    change.py NAME FAMILY yes|no SETTING... -- [OPTION OR WORD OF SS]...

With "yes" it only shows them (--dry-run). A SETTING is cc=NAME, pacing=RATE, user_timeout=MS,
keepalive=on|off|SECONDS or blackbox=on|off. Requests go to the module's family of generic netlink (uapi/linux/xtcp.h).

It prints the heading and the rows that were changed, and how. The status is 1 if one could not be changed, unless it was gone
already, and 2 if the module has no such thing or the settings are wrong."""

import errno
import os
import re
import socket
import struct
import sys

import program
from diag import CONG, HEAD, HELD, REQUEST_AND_ACK, ROOM, Diag, attribute, attributes_of, until_free
from program import Wrong
from ss import Gone, Wish, for_each, rows_of, say

GENERIC = 16  # NETLINK_GENERIC
CONTROL = 16  # GENL_ID_CTRL
GET_FAMILY, FAMILY_ID, FAMILY_NAME = 3, 1, 2  # CTRL_CMD_GETFAMILY, CTRL_ATTR_*
SOL_NETLINK, CAP_ACK, EXT_ACK = 270, 10, 11
ANSWER_HAS_TEXT, TEXT, PLACE = 0x200, 1, 2  # NLM_F_ACK_TLVS, NLMSGERR_ATTR_*
SET = 1  # XTCP_CMD_SET
PROTOCOL, ID, CONGESTION, MAX_PACING_RATE, USER_TIMEOUT, KEEPALIVE, KEEPIDLE, BLACKBOX = range(1, 9)  # XTCP_SET_*
GENL = struct.Struct("=BBH")
FIRST_ATTRIBUTE = HEAD.size + GENL.size
NO_LIMIT = (1 << 64) - 1
UNITS = {"": 1, "bit": 1, "kbit": 10 ** 3, "mbit": 10 ** 6, "gbit": 10 ** 9}
NO_ALGORITHM = "there is no such congestion control"


def number(name, text, most):
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > most:
        raise Wrong("%s=%s: a number from 0 to %d is meant" % (name, text, most))
    return struct.pack("=I", int(text))


def rate(text):
    """Octets per second, from bits per second as tc writes them."""
    found = re.fullmatch(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)([kmg]?bit|)", text.lower())
    octets = found and int(float(found[1]) * UNITS[found[2]] / 8)
    if text == "off":
        octets = NO_LIMIT
    if not octets or octets > NO_LIMIT:
        raise Wrong("pacing=%s: bits per second as in 100mbit are meant, or off" % text)
    return struct.pack("=Q", octets)


def algorithm(text):
    if not 0 < len(text.encode()) < 16:
        raise Wrong("cc=%s: the name of a congestion control is meant" % text)
    return text.encode() + b"\0"


def blackbox(text):
    if text not in ("on", "off"):
        raise Wrong("blackbox=%s: on or off is meant" % text)
    return bytes([text == "on"])


def encoded(setting):
    """What the request has for it."""
    name, _, text = setting.partition("=")
    if name == "cc":
        return attribute(CONGESTION, algorithm(text))
    if name == "pacing":
        return attribute(MAX_PACING_RATE, rate(text))
    if name == "user_timeout":
        return attribute(USER_TIMEOUT, number(name, text, 0x7FFFFFFF))
    if name == "keepalive":
        if text in ("on", "off"):
            return attribute(KEEPALIVE, bytes([text == "on"]))
        return attribute(KEEPALIVE, b"\1") + attribute(KEEPIDLE, number(name, text, 32767))
    if name == "blackbox":
        return attribute(BLACKBOX, blackbox(text))
    raise Wrong("%s: cc=, pacing=, user_timeout=, keepalive= and blackbox= can be set" % setting)


class Requests:
    """To the family of generic netlink that is called @name. .id is None if there is none."""

    def __init__(self, name):
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, GENERIC)
        self.netlink.setsockopt(SOL_NETLINK, CAP_ACK, 1)
        self.netlink.setsockopt(SOL_NETLINK, EXT_ACK, 1)
        self.text, self.at = "", None
        self.id = self.id_of(name)

    def send(self, family, command, attributes):
        body = GENL.pack(command, 1, 0) + attributes
        self.netlink.send(HEAD.pack(HEAD.size + len(body), family, REQUEST_AND_ACK, 0, 0) + body)
        return self.netlink.recv(ROOM)

    def id_of(self, name):
        answer = self.send(CONTROL, GET_FAMILY, attribute(FAMILY_NAME, name.encode() + b"\0"))
        if HEAD.unpack_from(answer)[1] != CONTROL:
            return None
        self.netlink.recv(ROOM)  # the ACK
        return struct.unpack("=H", attributes_of(answer, HEAD.size + GENL.size)[FAMILY_ID])[0]

    def ask(self, command, attributes):
        """0 or the errno of the answer; .text: what the kernel says of it, if it does; .at: the offset of the attribute
        that is wrong, or None."""
        answer = self.send(self.id, command, attributes)
        told = attributes_of(answer, HEAD.size + 4 + HEAD.size) if HEAD.unpack_from(answer)[2] & ANSWER_HAS_TEXT else {}
        self.text = told.get(TEXT, b"").rstrip(b"\0").decode()
        self.at = struct.unpack("=I", told[PLACE])[0] if PLACE in told else None
        return -struct.unpack_from("=i", answer, HEAD.size)[0]

    def change(self, row, attributes):
        """0 or the errno of the answer."""
        protocol = row[HEAD.size] == socket.AF_INET6  # XTCPPROTO_IPV6 is 1
        return self.ask(SET, attribute(PROTOCOL, bytes([protocol])) +
                        attribute(ID, row[HEAD.size + 4:HEAD.size + 52]) + attributes)


def explained(name, text, words):
    """What the kernel says; of a congestion control of @words which it is, and which there are."""
    try:
        if text.endswith(NO_ALGORITHM):
            with open("/proc/sys/net/%s/available_congestion_control" % name) as file:
                wanted = [word[3:] for word in words if word.startswith("cc=")]
                text += ": %s; there are: %s" % (", ".join(wanted), " ".join(sorted(file.read().split())))
    except OSError:
        pass
    return text


def change(name, requests, row, settings, attributes):
    """Nothing, or what is wrong."""
    error = until_free(lambda: requests.change(row, attributes))
    if error == errno.ESRCH:
        raise Gone
    return HELD if error == errno.EBUSY else error and explained(name, requests.text or os.strerror(error), settings)


def changed(row, settings):
    """What @settings make of a connection, in words; of what it was, a listing tells the congestion control only."""
    before = attributes_of(row).get(CONG, b"").rstrip(b"\0").decode(errors="replace")
    return " ".join("cc=%s -> %s" % (before, setting[3:]) if before and setting.startswith("cc=") else setting
                    for setting in settings)


def run(name, family, dry, words):
    settings, words = words[:words.index("--")], words[words.index("--") + 1:]
    attributes = b"".join(map(encoded, settings))
    wish = Wish(words)
    if not wish.is_narrow:
        say("--set wants a filter; \"state connected\" means all")
        return 2
    requests = Requests(name)
    if requests.id is None:
        say("the module that is loaded does not change sockets for others")
        return 2
    wish.attributes |= 1 << CONG - 1
    status, rows = rows_of(Diag(family), wish)
    if status:
        return status
    return for_each(rows, wish, lambda row: None if dry else change(name, requests, row, settings, attributes),
                    lambda row: changed(row, settings), "no connection matches, so none %s changed" % ("would be" if dry else "is"))


def main(*arguments):
    return program.ends("xtcp-ss", lambda: run(*arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "yes", sys.argv[4:]))
