# SPDX-License-Identifier: GPL-2.0
"""What the checks in Python say in TAP; what a text has to say; whole files."""

import os
import re
import traceback


class Tap:
    """Called with each result: whether it is good, its name, and what is to be seen if it is not."""

    def __init__(self, of):
        self.of, self.number, self.failed = of, 0, False

    def __call__(self, good, name, *why):
        self.number += 1
        for text in [] if good else why:
            print("# " + str(text).rstrip("\n").replace("\n", "\n# "))
        print("%sok %d - %s: %s" % ("" if good else "not ", self.number, self.of, name), flush=True)
        self.failed |= not good
        return good

    def says(self, name, done, *patterns):
        """What a program that ends with 0 says, as differs() has it."""
        problem = differs(done.stdout, patterns)
        return self(done.returncode == 0 and not problem, name, problem, done.stdout, done.stderr)

    def sentence(self, name, done, *patterns, program, status=2):
        """What a program says that ends with a sentence on standard error, and with this status."""
        missing = [pattern for pattern in patterns if not re.search(pattern, done.stderr)]
        is_one = done.stderr.count("\n") == 1 and done.stderr.startswith(program + ": ")
        return self(done.returncode == status and is_one and not missing and not done.stdout, name,
                    "status %d" % done.returncode, done.stderr, done.stdout, *missing)

    def run(self, checks, *args):
        """A check that ends early has failed, and the next one runs."""
        for check in checks:
            try:
                check(*args)
            except Exception:
                self(False, check.__name__ + " comes to its end", traceback.format_exc())


def differs(text, says):
    """What is not there, or None: each pattern in a line of its own, in this order; behind a "!" what is nowhere."""
    lines, at = text.split("\n"), 0
    for pattern in says:
        if pattern.startswith("!"):
            if re.search(pattern[1:], text, re.M):
                return "says " + pattern[1:]
            continue
        while at < len(lines) and not re.search(pattern, lines[at]):
            at += 1
        if at == len(lines):
            return "does not say, in its place: " + pattern
        at += 1
    return None


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def write(path, data):
    """Text, or octets. The path."""
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    return path
