#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Shows pages that come from standard input, each between two form feeds, at a terminal,
one at a time, while others are still to come."""

import os
import select
import shutil
import sys
import termios
import tty

FORWARD = ("\r", "\n", " ", "\033[C", "\033[6~", "n", "l")
BACK = ("\033[D", "\033[5~", "p", "h", "\x7f")
UP, DOWN = ("\033[A", "k"), ("\033[B", "j")
QUIT = ("q", "Q", "\x03", "\x04")


class Pager:
    """What has come, and which lines of it are on the screen."""

    def __init__(self):
        self.come, self.complete = "", False
        self.at = self.top = 0

    def pages(self):
        """Those that are complete; what comes before the first form feed are notices of the machine."""
        notices, *pages = self.come.split("\f")
        rest = pages.pop() if pages else notices
        if self.complete and rest.strip():
            pages.append(rest)
        return [page.rstrip("\n").split("\n") for page in pages]

    def draw(self):
        columns, rows = shutil.get_terminal_size()
        pages = self.pages()
        if self.at >= len(pages):
            lines = [] if pages else self.come.split("\f")[0].splitlines()[-(rows - 1):]
            words = "this page is on its way ..." if not self.complete else "the end; q"
        else:
            lines = pages[self.at]
            self.top = max(0, min(self.top, len(lines) - (rows - 1)))
            more = len(lines) - self.top - (rows - 1)
            words = "%d more lines: Enter" % more if more > 0 else \
                "the end; q" if self.complete and self.at == len(pages) - 1 else "next: Enter"
            lines = lines[self.top:self.top + rows - 1]
        print("\033[H\033[2J" + "\r\n".join(lines), end="")
        print("\033[%d;1H\033[7m %s \033[0m" % (rows, words[:columns - 3]), end="", flush=True)

    def press(self, key):
        """False: enough."""
        rows = shutil.get_terminal_size().lines - 1
        pages = self.pages()
        length = len(pages[self.at]) if self.at < len(pages) else 0
        if key in QUIT:
            return False
        if key in FORWARD:
            if self.top + rows < length:
                self.top += rows
            elif self.at < len(pages) and not (self.complete and self.at == len(pages) - 1):
                self.at, self.top = self.at + 1, 0
        elif key in BACK and self.at:
            self.at, self.top = self.at - 1, 0
        elif key in DOWN:
            self.top += 1
        elif key in UP:
            self.top = max(0, self.top - 1)
        return True

    def run(self, keys):
        going = True
        while going:
            self.draw()
            watched = [keys] if self.complete else [keys, 0]
            for fd in select.select(watched, [], [])[0]:
                if fd == keys:
                    going &= self.press(os.read(keys, 16).decode("latin-1"))
                    continue
                text = os.read(0, 65536)
                self.complete = not text
                self.come += text.decode("utf-8", "replace").replace("\r", "")


def main():
    with open("/dev/tty", "rb", buffering=0) as terminal:
        kept = termios.tcgetattr(terminal)
        print("\033[?1049h", end="")
        try:
            tty.setraw(terminal)
            Pager().run(terminal.fileno())
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, kept)
            print("\033[?1049l", end="", flush=True)


try:
    main()
except OSError as error:
    sys.exit("tour: no terminal: %s" % error)
