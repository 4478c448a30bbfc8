#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Shows pages that come from standard input, each between two form feeds, at a terminal,
one at a time, while others are still to come."""

import codecs
import os
import select
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../tools/sight"))

import screen

FORWARD = ("\r", "\n", " ", "right", "\033[6~", "n", "l")
BACK = ("left", "\033[5~", "p", "b", "h", "\x7f")
UP, DOWN = ("up", "k"), ("down", "j")
QUIT = ("q", "Q", "\x03", "\x04")


class Pager:
    """What has come, and which lines of it are on the screen."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.come, self.complete = "", False
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")    # a read may end within a letter
        self.at = self.top = 0

    def take(self, octets):
        """What was read; nothing: that was all."""
        self.complete = not octets
        self.come += self.decoder.decode(octets, self.complete).replace("\r", "")

    def pages(self):
        """Those that are complete; what comes before the first form feed are notices of the machine."""
        notices, *pages = self.come.split("\f")
        rest = pages.pop() if pages else notices
        if self.complete and rest.strip():
            pages.append(rest)
        return [page.rstrip("\n").split("\n") for page in pages]

    def draw(self):
        columns, rows = self.terminal.size()
        pages = self.pages()
        if self.at >= len(pages):
            lines = [] if pages else self.come.split("\f")[0].splitlines()[-(rows - 1):]
            words = "this page is on its way ..." if not self.complete else "the end"
        else:
            lines = pages[self.at]
            self.top = max(0, min(self.top, len(lines) - (rows - 1)))
            more = len(lines) - self.top - (rows - 1)
            words = "Enter: %d more lines" % more if more > 0 else \
                "the end" if self.complete and self.at == len(pages) - 1 else "Enter: next"
            lines = lines[self.top:self.top + rows - 1]
        lines = lines + [""] * (rows - 1 - len(lines))
        words += "   <-: back" * bool(self.at) + "   q: end"
        self.terminal.show(lines + ["\033[7m %s \033[0m" % words[:columns - 3]])

    def press(self, key):
        """False: enough."""
        rows = self.terminal.size()[1] - 1
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

    def run(self):
        going, keyboard = True, self.terminal.keyboard
        while going:
            self.draw()
            watched = [keyboard] if self.complete else [keyboard, 0]
            for fd in select.select(watched, [], [])[0]:
                if fd == keyboard:
                    going = all([self.press(key) for key in self.terminal.keys()])
                    continue
                self.take(os.read(0, 65536))


def stop(number, _):
    raise SystemExit(128 + number)


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    with open("/dev/tty", "rb", buffering=0) as keyboard, screen.Terminal(keyboard=keyboard.fileno()) as terminal:
        pager = Pager(terminal)
        signal.signal(signal.SIGWINCH, lambda *_: pager.draw())
        pager.run()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
    except OSError as error:
        sys.exit("tour: no terminal: %s" % error)
