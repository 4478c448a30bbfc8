# SPDX-License-Identifier: GPL-2.0
"""What xtcp-ss does with a listing by netlink:

    ss.py show|plain|kill|json FAMILY [OPTION OR WORD OF SS]...

ss can read the kernel's answers from a file ($TCPDIAG_FILE). It chooses rows of such a file by its filter, and shows
them in its format, but it does not look at states and IP versions. So this asks the kernel for these states and IP
versions only, and leaves the rest to ss. To find out which rows ss has chosen, it runs ss a second time, on the same
rows with their numbers in place of the cookies.

plain is show without connections that were aborted, which ss does not list either. kill prints the
heading and the rows whose sockets have ended. The status is 1 if one could not be ended, unless it
was gone already, and 2 if the module has no such thing. json prints an array with an object for
each row. With -i, show says of a connection that was aborted why: "abort:(REASON, CAUSE)", and
": WORDS" behind it if the peer's RST gave a reason; and of one whose ends know the ACK Rate Request
option, for how many segments there is one ACK: "ack_rate:(asked N, given N)"; and
"local" if the last write went the short way to a peer on this machine."""

import errno
import json
import os
import re
import signal
import subprocess
import sys

import program
from causes import cause_of
from diag import (ABORT, ACK_RATE, AUTOBOUND, CONG, COOKIE, DONE, HEAD, HELD, INFO, LOCAL, MEMINFO, SKMEMINFO, TCLASS,
                  TOS, VEGASINFO, Diag, Refused, abort_of, ack_rate_of, attributes_of, told_of)
from diag_json import object_of
from owners import descriptors, program_of
from program import Wrong
from ss_filter import Filter

ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING = (
    1 << n for n in range(1, 12))
ALL = 0xFFE
CONNECTED = ALL & ~(LISTEN | CLOSE | TIME_WAIT | SYN_RECV)
STATES = {
    "established": ESTABLISHED, "syn-sent": SYN_SENT, "syn-recv": SYN_RECV, "syn-rcv": SYN_RECV,
    "fin-wait-1": FIN_WAIT1, "fin-wait-2": FIN_WAIT2, "time-wait": TIME_WAIT, "unconnected": CLOSE, "close": CLOSE,
    "closed": CLOSE, "close-wait": CLOSE_WAIT, "last-ack": LAST_ACK, "listening": LISTEN, "listen": LISTEN,
    "closing": CLOSING, "all": ALL, "connected": ALL & ~(CLOSE | LISTEN),
    "synchronized": ALL & ~(CLOSE | LISTEN | SYN_SENT), "bucket": SYN_RECV | TIME_WAIT,
    "big": ALL & ~(SYN_RECV | TIME_WAIT),
}
LONG = {"all": "a", "listening": "l", "ipv4": "4", "ipv6": "6", "info": "i", "memory": "m", "extended": "e",
        "tos": "tos", "processes": "p", "numeric": "n", "no-header": "H"}  # xtcp-ss has made whole names of beginnings
WANTS_WORD = "F"  # options that take a word; those that name other sockets are refused by xtcp-ss


class Gone(Exception):
    """The socket has ended meanwhile."""


def say(text):
    print("xtcp-ss: " + text, file=sys.stderr)


def write(text):
    """What ss says, octet by octet. If nobody reads it any more, what was asked for is done all the same."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def lines_of(name):
    """Those of a file with a filter. ss runs twice, and could read a pipe once."""
    try:
        with sys.stdin.buffer if name.startswith("-") else open(name, "rb") as file:
            lines = file.read().replace(b"\0", b"").split(b"\n")
    except OSError as error:
        raise Wrong("cannot read %s: %s" % (name, error.strerror)) from None
    return [os.fsdecode(line) for line in lines if line.strip() and not line.startswith(b"#")]


class Wish:
    """.states, .protocols, .attributes for the kernel; .filter: words that choose rows, with the
    lines of a file (-F), and .options: the others for ss, which .words has all of; .flags: letters
    that were given. .uid and .cookie are those of "--uid NUMBER" and "--cookie HEX", which ss does
    not have; None: any."""

    def __init__(self, words):
        self.uid = self.cookie = None
        while words[:1] in (["--uid"], ["--cookie"]):
            if words[0] == "--uid":
                self.uid = int(words[1])
            else:
                self.cookie = int(words[1], 16)
            words = words[2:]
        options, flags, rest, lines = [], [], [], []
        words = iter(words)
        for word in words:
            letters, has_word, name = word[1:].partition(WANTS_WORD)
            if word == "--":
                rest += words
            elif word.startswith("--filter"):
                lines += lines_of(word[9:] or next(words, ""))
            elif word.startswith("--"):
                flags.append(LONG.get(word[2:], word))
                options.append(word)
            elif word.startswith("-") and letters + has_word:
                flags += letters
                options += ["-" + letters] if letters else []
                if has_word:
                    lines += lines_of(name or next(words, ""))
            else:
                rest.append(word)
        self.flags, words = set(flags), list(rest)
        self.is_narrow = bool(rest or lines) or self.uid is not None or self.cookie is not None  # it says which sockets
        self.states = self.states_of(rest, [flag for flag in flags if flag in ("a", "l")][-1:])
        self.options = [*options, "--", *words[:len(words) - len(rest)]]    # with the states
        self.filter = rest + lines
        versions = [flag for flag in flags if flag in ("4", "6")][-1:]  # the last one counts for ss
        self.protocols = [0] if versions == ["4"] else [1] if versions == ["6"] else [0, 1]
        self.attributes = sum(1 << number - 1 for number in self.numbers())

    @property
    def words(self):
        return self.options + self.filter

    def numbers(self):
        if "m" in self.flags:
            yield from (MEMINFO, SKMEMINFO)
        if "i" in self.flags:
            yield from (INFO, VEGASINFO, CONG)
        if "tos" in self.flags:
            yield from (TOS, TCLASS)

    @staticmethod
    def states_of(rest, which):
        """Takes "state" and "exclude" from the front of @rest. which: of "a" and "l" the one that came last, if any."""
        states = {"a": ALL, "l": LISTEN | CLOSE}[which[0]] if which else CONNECTED
        seen = False
        while len(rest) > 1 and rest[0] in ("state", "exclude", "excl"):
            which = STATES.get(rest[1].lower().replace("_", "-"))
            if which is None:
                break  # ss says what is wrong
            if rest[0] == "state":
                states = (states if seen else 0) | which
            else:
                states = (states if seen else ALL) & ~which
            seen = True
            del rest[:2]
        return states


def file_of(rows):
    """A descriptor of a file with the rows for ss, and its name."""
    fd = os.memfd_create("xtcp-ss")
    with os.fdopen(os.dup(fd), "wb") as file:
        for row in rows:
            file.write(row + bytes(-len(row) % 4))
        file.write(HEAD.pack(HEAD.size + 4, DONE, 2, 0, 0) + bytes(4))
    return fd, "/proc/self/fd/%d" % fd


def ask_ss(rows, words):
    """(status, lines)"""
    fd, name = file_of(rows)
    done = subprocess.run(["ss", "-t", *words], pass_fds=[fd], env={**os.environ, "TCPDIAG_FILE": name},
                          stdout=subprocess.PIPE, check=False)
    os.close(fd)
    # the kernel cuts names of programs, also within a letter
    return done.returncode, done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]


def words_of_abort(abort):
    told = told_of(abort)
    return "abort:(%s, %s%s)" % (*abort_of(abort)[:2], ": " + cause_of(*told) if told else "")


def additions_of(attributes):
    """What ss does not know."""
    if ACK_RATE in attributes:
        yield "ack_rate:(asked %d, given %d)" % ack_rate_of(attributes[ACK_RATE])
    if LOCAL in attributes:
        yield "local"
    if ABORT in attributes:
        yield words_of_abort(attributes[ABORT])


def with_additions(lines, numbers, rows):
    """What ss shows of rows with these numbers, with what it does not know behind the last line of each. A row may have
    several lines; all but its first one begin with a blank."""
    rest = iter(numbers)
    shown, number = [], None
    heading = sum(1 for line in lines if line[:1].strip()) - len(numbers)
    for line in lines:
        if line[:1].strip():
            number = next(rest, None) if heading <= 0 else None
            heading -= 1
            shown.append([line, number])
        elif shown:
            shown[-1][0] += "\n" + line
    for line, number in shown:
        words = list(additions_of(attributes_of(rows[number]))) if number is not None else []
        yield " ".join([line.rstrip(" "), *words]) if words else line


def show_additions(rows, wish):
    status, lines = ask_ss(rows, wish.words)
    if status:
        return status
    status, numbers = chosen(rows, wish.words)
    if not status:
        write("".join(line + "\n" for line in with_additions(lines, numbers, rows)))
    return status


def become_ss(wish):
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)   # Python ignores it, and so would ss
    os.execvp("ss", ["ss", "-t", *wish.words])


def show(rows, wish):
    """Runs ss in place of this program, unless there is something to add to what it shows."""
    if "i" in wish.flags and any(attributes_of(row).keys() & {ABORT, ACK_RATE, LOCAL} for row in rows):
        return show_additions(rows, wish)
    fd, name = file_of(rows)
    os.set_inheritable(fd, True)
    os.environ["TCPDIAG_FILE"] = name
    become_ss(wish)


def numbered(rows):
    """Rows with their numbers, plus one, as cookies, of which the lower half is the first."""
    for number, row in enumerate(rows):
        yield row[:COOKIE.start] + (number + 1).to_bytes(4, sys.byteorder) + bytes(4) + row[COOKIE.stop:]


def chosen(rows, words):
    """(status, the numbers of the rows that ss chooses, in its order)"""
    status, lines = ask_ss(numbered(rows), ["-neOH", *words])
    return status, [int(found, 16) - 1 for line in lines for found in re.findall(r" sk:([0-9a-f]+)", line)[:1]]


def for_each(rows, wish, do, words_of=None, none=""):
    """Prints the heading and the rows that ss chooses for which do(row) returns None or "", with words_of(row) behind.
    Else that is said to be wrong, and the status is 1. A row that is gone (Gone) is left out. none: said if ss chooses no
    row."""
    status, lines = ask_ss(rows, ["-nO", *wish.words])
    if status:
        return status
    status, numbers = chosen(rows, wish.words)
    if status:
        return status
    heading = len(lines) - len(numbers)
    if heading != ("H" not in wish.flags):
        say("ss shows other rows than it has chosen, so nothing was done")
        return 2
    write("".join(line + "\n" for line in lines[:heading]))
    if none and not numbers:
        say(none)
    for line, number in zip(lines[heading:], numbers):
        row = rows[number]
        try:
            wrong = do(row)
        except Gone:
            continue
        if wrong:
            say("%s: %s" % (re.search(r"\S+:\S+", line)[0], wrong))
            status = 1
        else:
            write((line.rstrip() + "   " + words_of(row) if words_of else line) + "\n")
    return status


def kill(diag, rows, wish):
    def end(row):
        error = diag.end(row)
        if error == errno.ENOENT:
            raise Gone
        return HELD if error == errno.EBUSY else error and os.strerror(error)

    return for_each(rows, wish, end)


def programs():
    """{inode: [(program, pid, descriptor), ...]}"""
    found = {}
    for pid, fd, inode in descriptors():
        found.setdefault(inode, []).append({"name": program_of(pid), "pid": pid, "fd": fd})
    return found


def print_json(rows, wish):
    status, numbers = chosen(rows, wish.words) if wish.filter else (0, range(len(rows)))
    if status:
        return status
    owners = programs() if "p" in wish.flags else None
    print("[" + ",\n".join(json.dumps(object_of(rows[number], owners)) for number in numbers) + "]")
    return 0


def listed(diag, wish, attributes, program=b""):
    return [row for protocol in wish.protocols
            for row in diag.rows(protocol, wish.states, attributes, wish.uid, wish.cookie, program)]


def fitting(diag, wish, rows):
    """(status, those of the rows that the kernel would give to ss). As then, ss filters them once more by itself."""
    words = Filter(wish.filter)
    if words.is_simple:
        return 0, rows
    status, _ = chosen([], wish.words)  # what is wrong is said of the words as they were given
    if status:
        return status, []
    autobound = {row[COOKIE] for row in listed(diag, wish, 0, AUTOBOUND)} if words.asks_autobound else ()
    return words.fitting(rows, lambda some, of_ss: chosen(some, wish.options + of_ss), autobound)


def rows_of(diag, wish):
    """(status, what the kernel lists of these states and IP versions); if the status is not 0, a line was printed."""
    if not diag.is_there():
        say("the module that is loaded does not list sockets by netlink, nor end them for others")
        return 2, []
    try:
        return fitting(diag, wish, listed(diag, wish, wish.attributes))
    except Refused as refused:
        say(str(refused))
        return 2, []


def run(what, family, words):
    wish = Wish(words)
    try:
        diag = Diag(family)
    except OSError:
        if what != "plain":
            raise
        become_ss(wish)     # without netlink it reads /proc
    if what == "json":
        wish.attributes = 0xFF
    elif what == "plain":
        if not diag.is_there():
            become_ss(wish)     # which reads /proc then
        wish.states &= ~CLOSE
    status, rows = rows_of(diag, wish)
    if status:
        return status
    if what in ("show", "plain"):
        return show(rows, wish)
    return kill(diag, rows, wish) if what == "kill" else print_json(rows, wish)


def main(*arguments):
    return program.ends("xtcp-ss", lambda: run(*arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
