# SPDX-License-Identifier: GPL-2.0
"""What xtcp-policy does with its words. A rule is one line of words NAME=VALUE."""

import errno
import ipaddress
import os
import re
import socket
import struct
import sys

import change
import program
from diag import attribute, until_free
from owners import printable
from program import Wrong
from table import rate

ADD, DEL, REPLACE = 2, 3, 4  # XTCP_CMD_POLICY_*
RULE = 1  # XTCP_POLICY_RULE
TO, TO_LEN, DPORT, SPORT, CONGESTION, INITCWND, MAX_PACING_RATE = range(1, 8)  # XTCP_RULE_*
RTO_MIN, RTO_MAX, DELACK_MAX, USER_TIMEOUT, KEEPALIVE, KEEPIDLE, KEEPINTVL, KEEPCNT, CGROUP, BLACKBOX = range(8, 18)
NESTED = 0x8000  # NLA_F_NESTED


def number(kind, form, least, most, unit=1):
    """Encodes a number of that range, times @unit, as this attribute."""
    def encode(name, text):
        if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise Wrong("%s=%s: a number from %d to %d is meant" % (name, text, least, most))
        return attribute(kind, struct.pack("=" + form, int(text) * unit))
    return encode


def prefix(_, text):
    if "%" in text:
        raise Wrong("to=%s: a rule is for an address whatever the device, so it has no zone" % text)
    try:
        found = ipaddress.ip_network(text)
    except ValueError as error:
        raise Wrong("to=%s: %s" % (text, error)) from None
    return attribute(TO, found.network_address.packed) + attribute(TO_LEN, bytes([found.prefixlen]))


def mounted():
    with open("/proc/mounts", encoding="utf-8", errors="surrogateescape") as file:
        return [line.split()[1] for line in file if line.split()[2] == "cgroup2"]


def cgroup(_, text):
    """By its path below the root of the hierarchy, its whole path, or its id, which is the number of the folder."""
    if re.fullmatch("[0-9]{1,19}", text):
        return attribute(CGROUP, struct.pack("=Q", int(text)))
    if not text:
        raise Wrong("cgroup=: a path or an id is meant; / is the root")
    tops = mounted()
    if not tops:
        raise Wrong("cgroup=%s: no hierarchy of version 2 is mounted, so only an id can be meant" % text)
    path = text if any((text + "/").startswith(top + "/") for top in tops) else tops[0] + "/" + text.lstrip("/")
    try:
        found = os.stat(path)
        if not os.path.isdir(path) or found.st_dev not in [os.stat(top).st_dev for top in tops]:
            raise Wrong("cgroup=%s: this is no folder of the hierarchy of version 2" % text)
        return attribute(CGROUP, struct.pack("=Q", found.st_ino))
    except OSError as error:
        raise Wrong("cgroup=%s: %s" % (text, error.strerror)) from None


def cgroup_paths(wanted):
    """{id: path below the root} of the cgroups that exist. Any user may choose a folder's name, so a path that a terminal
    or a rule could misread is replaced by the id."""
    top, found = (mounted() + [None])[0] if wanted else None, {}
    for folder, _, _ in os.walk(top) if top else ():
        if len(found) == len(wanted):
            break
        try:
            number = str(os.stat(folder).st_ino)
        except OSError:
            continue
        if number in wanted:
            path = folder[len(top):] or "/"
            found[number] = path if re.fullmatch('[!-"$-~]+', path) else number
    return found


def congestion(_, text):
    return attribute(CONGESTION, change.algorithm(text))


def pacing(_, text):
    if text == "off":
        raise Wrong("pacing=off: a rule without pacing= sets no limit")
    return attribute(MAX_PACING_RATE, change.rate(text))


def keepalive(name, text):
    """on, or how many seconds to the first probe, as xtcp-ss --set has it."""
    on = attribute(KEEPALIVE, b"\1")
    return on if text == "on" else on + number(KEEPIDLE, "I", 1, 32767)(name, text)


def blackbox(_, text):
    return attribute(BLACKBOX, change.blackbox(text))


KEYS = {"to": prefix, "dport": number(DPORT, "H", 1, 65535), "sport": number(SPORT, "H", 1, 65535), "cgroup": cgroup}
SETS = {"cc": congestion, "initcwnd": number(INITCWND, "B", 1, 255), "pacing": pacing,
        "rto_min": number(RTO_MIN, "I", 1, 200, 1000), "rto_max": number(RTO_MAX, "I", 1000, 120000),
        "delack_max": number(DELACK_MAX, "I", 1, 200, 1000), "user_timeout": number(USER_TIMEOUT, "I", 1, 0x7FFFFFFF),
        "keepalive": keepalive, "keepidle": number(KEEPIDLE, "I", 1, 32767), "keepintvl": number(KEEPINTVL, "I", 1, 32767),
        "keepcnt": number(KEEPCNT, "B", 1, 127), "blackbox": blackbox}


def encoded(words, names):
    octets, seen = b"", set()
    for word in words:
        name, equals, text = word.partition("=")
        if name not in names or not equals:
            raise Wrong("%s: a rule has %s" % (word, ", ".join(name + "=" for name in names)))
        if name in seen:
            raise Wrong("%s= comes twice" % name)
        seen.add(name)
        octets += names[name](name, text)
    return attribute(RULE | NESTED, octets)


def lines_of(name):
    """(number of the line, its words) of each rule in the file."""
    try:
        with sys.stdin if name == "-" else open(name, encoding="utf-8") as file:
            for at, line in enumerate(file, 1):
                words = line.partition("#")[0].split()
                if words:
                    yield at, words
    except (OSError, UnicodeDecodeError) as error:
        raise Wrong("cannot read %s: %s" % (name, getattr(error, "strerror", None) or error)) from None


class Exists(Wrong):
    """There is a rule with this key."""

    def __init__(self, words):
        super().__init__(words, 1)


def ask(args, command, rules):
    """@rules: (what it is called in an error, its attribute, its words) of each."""
    requests = change.Requests(args.name)
    if requests.id is None:
        raise Wrong(program.missing(args.name, "policy tables"))
    requests.netlink.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    try:
        error = until_free(lambda: requests.ask(command, b"".join(octets for _, octets, _ in rules)))
    except OSError as failed:
        raise Wrong("the rules are too many: %s" % failed.strerror) from None
    if not error:
        return 0
    at, where, words = change.FIRST_ATTRIBUTE, "", ()
    for name, octets, of_rule in rules:
        if requests.at is not None and at <= requests.at < at + len(octets):
            where, words = name, of_rule
        at += len(octets)
    text = where + change.explained(args.name, requests.text or os.strerror(error), words)
    raise Exists(text) if error == errno.EEXIST else Wrong(text, 1)


# How words of /proc read in those of add.
SHOWN = {"max_pacing_rate": lambda text: "pacing=" + rate(int(text)),
         "rto_min_us": lambda text: "rto_min=%d" % (int(text) // 1000), "rto_max_ms": "rto_max={}".format,
         "delack_max_us": lambda text: "delack_max=%d" % (int(text) // 1000), "user_timeout_ms": "user_timeout={}".format}


def shown(line, paths):
    """A line of /proc in words that add takes."""
    words = dict(word.split("=", 1) for word in line.split())
    hits, more = words.pop("hits"), ""
    if "cgroup" in words:
        more = "" if words["cgroup"] in paths else ", no such cgroup is here"
        words["cgroup"] = paths.get(words["cgroup"], words["cgroup"])
    rule = " ".join(SHOWN[name](text) if name in SHOWN else name + "=" + text for name, text in words.items())
    return "%s # %s hit%s%s" % (rule, hits, "" if hits == "1" else "s", more)


def rules(args):
    """The table, each rule in words that add takes."""
    try:
        with open("%s/%s_policy" % (args.proc, args.name), encoding="utf-8", errors="replace") as file:
            lines = [printable(line.rstrip("\n")) for line in file]
    except OSError as error:
        raise Wrong(program.missing(args.name, error.filename) if error.errno == errno.ENOENT and args.proc == program.PROC else
                    "cannot read %s: %s" % (error.filename, error.strerror)) from None
    paths = cgroup_paths({word[7:] for line in lines for word in line.split() if word.startswith("cgroup=")})
    try:
        return [shown(line, paths) for line in lines]
    except (ValueError, KeyError):
        raise Wrong("%s/%s_policy is of another version" % (args.proc, args.name)) from None


def do_list(args):
    if args.words:
        raise Wrong("list takes no word")
    for rule in rules(args):
        print(rule)


def key_of(words):
    """What tells two rules apart."""
    pairs = [word.split("=", 1) for word in words if "=" in word]
    return {name: KEYS[name](name, text) for name, text in pairs if name in KEYS}


def do_add(args):
    octets = encoded(args.words, {**KEYS, **SETS})
    try:
        ask(args, ADD, [("", octets, args.words)])
    except Exists as exists:
        same = [rule for rule in rules(args) if key_of(rule.partition("#")[0].split()) == key_of(args.words)]
        raise Wrong("%s: %s; del it first, or replace the table" % (exists, same[0].partition(" #")[0]) if same else str(exists), 1) from None
    if not any(word.split("=")[0] in SETS for word in args.words):
        print("xtcp-policy: this rule sets nothing: it is an exception to wider rules", file=sys.stderr)


def do_del(args):
    return ask(args, DEL, [("", encoded(args.words, KEYS), args.words)])


def do_replace(args):
    if len(args.words) != 1:
        raise Wrong("replace wants the name of one file, or -")
    rules = []
    for at, words in lines_of(args.words[0]):
        try:
            rules.append(("line %d: " % at, encoded(words, {**KEYS, **SETS}), words))
        except Wrong as wrong:
            raise Wrong("line %d: %s" % (at, wrong)) from None
    return ask(args, REPLACE, rules)


COMMANDS = {"list": do_list, "add": do_add, "del": do_del, "replace": do_replace}


def main(doc):
    return program.commands("xtcp-policy", doc, COMMANDS, True)
