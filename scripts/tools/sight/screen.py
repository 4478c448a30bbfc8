# SPDX-License-Identifier: GPL-2.0
"""The terminal, or what there is instead: pictures of lines, keys, and
everything as it was when it ends."""

import os
import re
import signal
import sys

import program

LEAST = 80
NO_TERMINAL = 100   # columns
ESCAPE = re.compile("\033\\[[0-9;]*m")
KEYS = {"\033[A": "up", "\033[B": "down", "\033[C": "right", "\033[D": "left", "\033OA": "up", "\033OB": "down",
        "\033OC": "right", "\033OD": "left"}


def is_utf8():
    """What the locale wants."""
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        if os.environ.get(name):
            return bool(re.search("utf-?8", os.environ[name], re.I))
    return False


def length(line):
    return len(ESCAPE.sub("", line))


def clip(line, width):
    """No more columns than that; colours take none."""
    if len(line) <= width or length(line) <= width:
        return line
    kept, used = [], 0
    for piece in re.split("(%s)" % ESCAPE.pattern, line):
        if not piece.startswith("\033"):
            piece = piece[:width - used]
            used += len(piece)
        kept.append(piece)
    return "".join(kept)


def too_narrow(columns):
    return "%d columns are too few; %d is the least" % (columns, LEAST)


class Paint:
    """Called with a code and words it colours them, or not. .ascii: a picture has nothing else."""

    def __init__(self, color, ascii_only):
        self.color, self.ascii = color, ascii_only

    def __call__(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.color and code and text else text


class Plain:
    """No terminal: one picture after the other, and no keys."""

    is_terminal = False
    keyboard = None

    def __init__(self, width=None):
        self.width, self.shown = width, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def size(self):
        """(columns, None: any number of rows)"""
        if self.width:
            return self.width, None
        if program.columns():
            return program.columns(), None
        if sys.stdout.isatty():
            return os.get_terminal_size(sys.stdout.fileno()).columns or NO_TERMINAL, None    # a serial line has 0
        return NO_TERMINAL, None

    def show(self, lines):
        if self.shown:
            print()
        self.shown = True
        print("\n".join(line.rstrip() for line in lines), flush=True)


class Terminal:
    """The screen as long as it lasts. .keyboard: what to wait for keys at, or None; standard input if it is one."""

    is_terminal = True

    def __init__(self, width=None, keyboard=None):
        self.width, self.saved, self.entered = width, None, False
        self.keyboard = keyboard
        if keyboard is None and sys.stdin and sys.stdin.isatty():
            self.keyboard = sys.stdin.fileno()
        self.out = sys.stdout.fileno()
        self.lines = []

    def __enter__(self):
        signal.signal(signal.SIGTSTP, self.pause)
        self.take()
        return self

    def __exit__(self, *_):
        self.give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)

    def take(self):
        if self.keyboard is not None:
            import termios
            import tty
            self.saved = termios.tcgetattr(self.keyboard)
            tty.setcbreak(self.keyboard)
        self.entered = True
        self.write("\033[?1049h\033[?25l\033[2J")

    def give_back(self):
        if not self.entered:
            return
        self.entered = False
        try:
            self.write("\033[0m\033[?25h\033[?1049l")
        except OSError:
            pass    # the terminal is gone
        if self.saved:
            import termios
            try:
                termios.tcsetattr(self.keyboard, termios.TCSAFLUSH, self.saved)
            except termios.error:
                pass

    def pause(self, number, _):
        """Ctrl-Z: the shell has the terminal meanwhile."""
        self.give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, self.pause)
        self.take()
        self.show(self.lines)

    def write(self, text):
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self.out, data):]

    def size(self):
        size = os.get_terminal_size(self.out)
        return self.width or size.columns or LEAST, size.lines or 24

    def show(self, lines):
        columns, rows = os.get_terminal_size(self.out)
        columns, self.lines = columns or LEAST, lines
        lines = [clip(line, columns) for line in lines[:rows or 24]]
        # behind a full line this would take its last letter away
        lines = [line + "\033[K" if length(line) < columns else line for line in lines]
        self.write("\033[H" + "\r\n".join(lines) + "\033[J")

    def keys(self):
        try:
            text = os.read(self.keyboard, 256).decode("utf-8", "replace")
        except OSError:
            text = ""
        if not text:    # it is closed
            return ["q"]
        return [KEYS.get(key, key) for key in re.findall("\033(?:\\[[0-9;]*[A-Za-z~]|O[A-Z])|.", text, re.S)]
