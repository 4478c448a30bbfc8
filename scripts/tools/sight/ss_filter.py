# SPDX-License-Identifier: GPL-2.0
"""A filter of ss as the kernel understands it.

When ss asks the kernel, the kernel filters, and ss filters what is left once more. The kernel
compares an address of IPv4 with a row of IPv6 only if that one is mapped. ss alone, as when it
reads a file, compares the first words of both, whatever their versions: "src 0.0.0.0" fits ::1, and
"dst 2000::/3" fits 32.0.0.0. Nor does it look at "inet:" and "inet6:" then, and it takes each port
of the ephemeral range for one that nobody has chosen (autobound). So the words of a filter are
written anew for the rows of each IP version, for the kernel's part. What is no literal address, as
the name of a host, stays as it is."""

import ipaddress
import re
import socket

from diag import COOKIE, HEAD, NO_COOKIE

WITH_WORD = ("src", "dst", "sport", "dport", "dev", "fwmark", "cgroup")
OPERATORS = ("=", "==", "eq", "!=", "ne", "neq", ">", "gt", "<", "lt", ">=", "ge", "geq", "<=", "le", "leq")
FAMILIES = {"inet:": socket.AF_INET, "inet6:": socket.AF_INET6}
NOTHING = "255.255.255.255:0"   # of no connection of IPv4, nor of a listener
ALWAYS, NEVER = ["sport", "ge", ":0"], ["sport", "lt", ":0"]


def tokens_of(words):
    """As ss takes them: blanks part them, and a backslash makes the next sign a letter."""
    return [token for word in words for token in re.findall(r"(?:\\.|[^ \t\\])+", word)]


def mapped(address, port):
    """An IPv4 address or prefix as that of IPv6 which is mapped. ss takes 10/8 for 10.0.0.0/8."""
    text, _, mask = address.partition("/")
    text += ".0" * (3 - text.count("."))
    try:
        found = ipaddress.ip_interface(text + "/" + (mask or "32")).network
    except ValueError:
        return None     # the name of a host
    return "[::ffff:%s/%d]%s" % (found.network_address, 96 + found.prefixlen, port)


def parts_of(word):
    """(address or prefix, port with its colon or nothing) as ss parts them."""
    if word.startswith("["):
        address, _, port = word[1:].partition("]")
        return address, port
    colon = word.rfind(":", max(word.find("/"), 0))
    return (word, "") if colon < 0 else (word[:colon], word[colon:])


class Host:
    """A word behind src or dst. .words has it for the rows of each IP version."""

    def __init__(self, word):
        prefix = next((prefix for prefix in FAMILIES if word.startswith(prefix)), "")
        word = word[len(prefix):]
        self.words = {socket.AF_INET: word, socket.AF_INET6: word}
        address, port = parts_of(word)
        if ":" in address:
            self.words[socket.AF_INET] = NOTHING
        elif re.match("[0-9]", address):
            self.words[socket.AF_INET6] = mapped(address, port) or word


class Filter:
    """.family: the only IP version that it lets through, or None. .is_simple: for each row it means what it says."""

    def __init__(self, words):
        self.tokens, self.family, self.asks_autobound, key = [], None, False, None
        for token in tokens_of(words):
            if token in WITH_WORD:
                key = token
            elif token == "autobound":
                self.asks_autobound = True
            elif key in WITH_WORD[:4] and token not in OPERATORS:
                self.family = next((FAMILIES[prefix] for prefix in FAMILIES if token.startswith(prefix)), self.family)
                token = Host(token) if key in WITH_WORD[:2] else token
                key = None
            self.tokens.append(token)
        has_host = any(isinstance(token, Host) for token in self.tokens)
        self.is_simple = not (has_host or self.family or self.asks_autobound)

    def words_for(self, family, autobound):
        for token in self.tokens:
            if token == "autobound":
                yield from ALWAYS if autobound else NEVER
            else:
                yield token.words[family] if isinstance(token, Host) else token

    def fitting(self, rows, choose, autobound):
        """(status, the rows that fit). choose(rows, words) has ss choose by these words, and returns (status, numbers);
        autobound: the cookies of the rows with a port that nobody has chosen."""
        groups, found = {}, []
        for number, row in enumerate(rows):
            family, cookie = row[HEAD.size], row[COOKIE]
            if family == (self.family or family):
                groups.setdefault((family, cookie == NO_COOKIE or cookie in autobound), []).append(number)
        for (family, is_auto), numbers in groups.items():
            status, chosen = choose([rows[number] for number in numbers], list(self.words_for(family, is_auto)))
            if status:
                return status, []
            found += [numbers[at] for at in chosen]
        return 0, [rows[number] for number in sorted(found)]
