#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""exposition.py NAME [FOLDER [BEFORE]] <PAGE

Is a page of xtcp-nstat --prometheus what the text format, version 0.0.4, allows, and does it say what the files of the
module NAME in /proc/net say, or in FOLDER? With copies of the files in BEFORE, older than the page, a number may be
anything between both: a record may end meanwhile, which counts. Prints what is wrong, or how much is right."""

import re
import sys

NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^\\"\n]|\\[\\"n])*"'
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (-?[0-9]+)" % (NAME, LABEL, LABEL))
HELP = re.compile(r"# HELP (%s) ((?:[^\\\n]|\\[\\n])+)" % NAME)
TYPE = re.compile("# TYPE (%s) (counter|gauge)" % NAME)
COLUMNS = {"listen_limit": "limit", "listen_accept_queue_length": "accept_len",
           "listen_accept_queue_peak": "accept_peak", "listen_syn_queue_length": "syn_len",
           "listen_syn_queue_peak": "syn_peak", "listen_overflows_total": "overflows",
           "listen_syns_declined_total": "declined", "listen_cookies_sent_total": "cookies_sent",
           "listen_cookies_received_total": "cookies_recv"}


class Wrong(Exception):
    """One sentence."""


def unescaped(text):
    return re.sub(r"\\(.)", lambda sign: {"n": "\n"}.get(sign[1], sign[1]), text)


def need(good, *words):
    if not good:
        raise Wrong(" ".join(map(str, words)))


def parse(text):
    """{name: (type, help, {labels: value})}; each family is a HELP, a TYPE and its samples, together."""
    found, name, kind, words = {}, None, None, None
    need(text.endswith("\n"), "the last line has no end")
    for line in text[:-1].split("\n"):
        about, typed, sample = HELP.fullmatch(line), TYPE.fullmatch(line), SAMPLE.fullmatch(line)
        need(about or typed or sample, "no line of this format:", line)
        if about:
            need(kind or not name, "no TYPE before", line)
            name, kind, words = about[1], None, unescaped(about[2])
            need(name not in found, "a second family:", line)
        elif typed:
            need(typed[1] == name and not kind, "not behind its HELP:", line)
            kind = typed[2]
            need((kind == "counter") == name.endswith("_total"), "not named as its type is:", line)
            found[name] = kind, words, {}
        else:
            need(kind and sample[1] == name, "not behind its TYPE:", line)
            labels = tuple((key, unescaped(value)) for key, value in re.findall(r'(\w+)="((?:[^\\"]|\\.)*)"',
                                                                                sample[2] or ""))
            need(len(dict(labels)) == len(labels) and labels not in found[name][2], "twice:", line)
            found[name][2][labels] = int(sample[3])
    need(kind, "no TYPE at the end")
    empty = [name for name, family in found.items() if not family[2]]
    need(not empty, "no sample of", *empty)
    return found


def lines_of(folder, file):
    with open("%s/%s" % (folder, file)) as lines:
        return [line.split() for line in lines if line.strip()]


def numbers_of(module, folder):
    """{"TcpInSegs of xtcp_snmp.": number}"""
    found = {}
    for file, group in ((module + "_snmp", "Tcp:"), (module + "_netstat", "TcpExt:")):
        names, values = [line for line in lines_of(folder, file) if line[0] == group]
        for counter, value in zip(names[1:], values[1:]):
            found["%s%s of %s." % (group[:-1], counter, file)] = int(value)
    file = module + "_sockstat"
    for group, *words in lines_of(folder, file):
        for key, value in zip(words[::2], words[1::2]):
            found["%s%s of %s." % (group, key, file)] = int(value)
    return found


def same_numbers(found, module, folder, before):
    """By the help, which names each; and a name of its own for each."""
    told = {words.rpartition(": ")[2]: samples for _, words, samples in found.values()}
    old, new = numbers_of(module, before), numbers_of(module, folder)
    for name, value in new.items():
        samples = told.get(name, {})
        need(list(samples) == [()] and min(old[name], value) <= samples[()] <= max(old[name], value),
             name, "is", old[name], "and then", value, "and not", samples)
    need(len(told) == len(found), "two families have the same help")
    return len(new)


def same_listeners(found, module, folder):
    heading, *rows = lines_of(folder, module + "_listen")
    sums = {}
    for row in rows:
        address, port = re.fullmatch(r"\[?([0-9a-f.:]+)\]?:([0-9]+)", row[0]).groups()
        place = sums.setdefault((("address", address), ("port", port)), dict.fromkeys(heading[1:], 0))
        for column, value in zip(heading[1:], row[1:]):
            place[column] += int(value)
        place["sockets"] = place.get("sockets", 0) + 1
    for word, column in {"listen_sockets": "sockets", **COLUMNS}.items():
        _, _, samples = found.get("%s_%s" % (module, word), (None, None, {}))
        need(samples == {labels: place[column] for labels, place in sums.items()}, word, "is", sums, "and not", samples)
    return len(sums)


def same_aborts(found, module, folder):
    """How many families there are: one if a listener's connections were aborted, or none."""
    sums = {}
    try:
        lines = lines_of(folder, module + "_aborts")[1:]
    except FileNotFoundError:
        lines = []
    for where, _, _, reason, number in lines:
        address, port = re.fullmatch(r"\[?([0-9a-f.:]+)\]?:([0-9]+)", where).groups()
        labels = ("address", address), ("port", port), ("reason", reason)
        sums[labels] = sums.get(labels, 0) + int(number)
    _, _, samples = found.get(module + "_listen_aborts_total", (None, None, {}))
    need(samples == sums, "the aborts are", sums, "and not", samples)
    return 1 if sums else 0


def compare(text, module, folder="/proc/net", before=None):
    """(numbers, places of listeners)"""
    found = parse(text)
    counted, places = same_numbers(found, module, folder, before or folder), same_listeners(found, module, folder)
    rest = len(found) - counted - (1 + len(COLUMNS) if places else 0) - same_aborts(found, module, folder)
    need(not rest, rest, "families that /proc does not know")
    return counted, places


if __name__ == "__main__":
    try:
        print("%d numbers, %d places\n" % compare(sys.stdin.read(), *sys.argv[1:]), end="")
    except Wrong as wrong:
        sys.exit("exposition.py: %s" % wrong)
