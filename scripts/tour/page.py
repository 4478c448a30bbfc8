# SPDX-License-Identifier: GPL-2.0
"""A page of the tour: its text, what each line means, and how it is shown."""

import contextlib
import io
import os
import re
import shlex
import sys
import textwrap

here = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(here, "../tools/sight"))

import ladder_command
import ladder_text
import plot_command
from scene import Failed, Scene, events, time_of

NARROW = 80     # columns, of what pages expect of a picture
MOST = 40       # lines of a page at so many columns: 30, and some rows for when the machine stands still for a while
PROMPT = re.compile(r"(- )?(client|server|router)([$>]) ?(.*)")
WORDS = ("until", "wait", "connected", "here", "ladder", "plot", "moved", "?", "!", "%")   # no paragraph begins with these
CONNECTED = "(connected, by three segments: c at the client, s at the server)"
MORE = re.compile(r" *\.\.\.( .*|)$")


def ladder(arguments, width, color):
    """What ladder prints, without starting it, and without its last line, which page open-both has in words. Of the
    page's first connection, unless it names another."""
    which = [] if {"--port", "--conn"} & set(arguments) else ["--conn", "1"]
    kept, sys.argv = sys.argv, ["xtcp-ladder", "--width", str(width), "--color" if color else "--plain", *which, *arguments]
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            ladder_command.main("")
    finally:
        sys.argv = kept
    return "".join(line for line in out.getvalue().splitlines(True) if ladder_text.LEGEND not in line)


def plot(arguments, width, color):
    kept, sys.argv = sys.argv, ["xtcp-plot", "--width", str(width), "--color" if color else "--plain", *arguments]
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    try:
        with contextlib.redirect_stdout(out):
            plot_command.main("")
    finally:
        sys.argv = kept
    out.flush()
    return out.buffer.getvalue().decode()


class Line:
    """kind: prose, command, until, connected, here, ladder, plot, moved, wait."""

    def __init__(self, number, kind, text, end="", mark=""):
        self.number, self.kind, self.text, self.end, self.mark = number, kind, text, end, mark
        self.hidden = False
        self.expected = []


class Page:
    """A file of this folder; README.md here says what its lines mean."""

    def __init__(self, name):
        self.name = name
        self.lines, self.question, self.answer, self.exercise = [], "", "", ""
        with open(os.path.join(here, name + ".txt"), encoding="ascii") as file:
            text = file.read().splitlines()
        self.title, self.rfc = text[0], text[1]
        self.parse(text)
        if not self.question or not self.answer:
            raise SystemExit("%s: a question and its answer are missing" % name)

    def parse(self, text):
        last = None
        for number, line in enumerate(text[2:], 3):
            found = PROMPT.match(line)
            word, _, rest = line.partition(" ")
            if found:
                last = Line(number, "command", found[4], found[2], found[3])
                last.hidden = bool(found[1])
                self.lines.append(last)
            elif last and last.kind == "command" and MORE.match(line):
                last.text += "\n" + MORE.match(line)[1][1:]
            elif word == "=":
                last.expected.append(rest)
            elif re.match(r"until (client|server): |wait (client|server)$", line):
                end, _, condition = rest.partition(": ")
                last = Line(number, word, condition, end.strip())
                self.lines.append(last)
            elif line == "here" or re.match(r"connected( \d+)?$", line):
                last = Line(number, word, rest)
                self.lines.append(last)
            elif re.match(r"(ladder|plot)( -|$)|moved (client|server) \w+(=|>=)", line):
                end, _, wanted = rest.partition(" ") if word == "moved" else ("", "", rest)
                last = Line(number, word, wanted, end)
                self.lines.append(last)
            elif word in ("?", "!", "%") and rest:
                last = Line(number, word, rest)
                self.lines.append(last)
            elif not line.strip():
                last = None
            elif last and last.kind in ("prose", "?", "!", "%"):
                last.text += " " + line.strip()
            elif word in WORDS:
                raise SystemExit("%s.txt: line %d: this is neither prose nor what README.md says of '%s'" %
                                 (self.name, number, word))
            else:
                last = Line(number, "prose", line.strip())
                self.lines.append(last)
        for line in self.lines:
            if line.kind == "?":
                self.question = line.text
            elif line.kind == "!":
                self.answer = line.text
            elif line.kind == "%":
                self.exercise = line.text
        self.lines = [line for line in self.lines if line.kind not in "?!%"]


class Show:
    """A page that is shown: .out has what was said, .failures what it did not do."""

    def __init__(self, page, width=NARROW, color=False):
        self.page, self.width, self.color = page, width, color
        self.failures, self.checked = [], 0
        self.out = []
        self.blank = False
        self.here = self.lines = 0

    def paint(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.color else text

    def say(self, text=""):
        for line in text.rstrip("\n").split("\n"):
            bare = re.sub("\033\\[[0-9;]*m", "", line)
            if len(bare) > self.width:
                self.fail("a line of %d columns: %s" % (len(bare), bare))
            if bare or not self.blank:
                self.out.append(line)
            self.blank = not bare

    def prose(self, text, code=""):
        for line in textwrap.wrap(text, min(self.width, 96), break_on_hyphens=False):
            self.say(self.paint(code, line) if code else line)

    def fail(self, why):
        self.failures.append(why)

    def expect(self, line, text):
        """All of these are in it, one behind the other."""
        at, text = 0, re.sub("\033\\[[0-9;]*m", "", text)
        for pattern in line.expected:
            self.checked += 1
            found = re.compile(pattern).search(text, at)
            if not found:
                raise Failed("line %d: this should have shown: %s" % (line.number, pattern))
            at = found.end()
        if line.kind == "command" and not line.expected and re.search(r"^\w*(Error|Exception)\b|[Ee]rror: ", text):
            raise Failed("line %d: %s" % (line.number, text.strip()))

    # ---- each kind of line

    def command(self, scene, line):
        end = scene.ends[line.end]
        background = line.mark == ">" and line.text.endswith(" &")
        text = line.text[:-2] if background else line.text
        if not line.hidden:
            first, *more = line.text.split("\n")
            self.say(self.paint("1", "%s%s %s" % (line.end, line.mark, first)))
            for other in more:
                self.say(self.paint("1", "%*s %s" % (len(line.end) + 1, "...", other)))
        answer = end.begin(end.python(text) if line.mark == ">" else end.shell(text))
        if background:
            end.pending = answer
            return
        text = end.ends(answer)
        if text and not line.hidden:
            self.say(text)
        self.expect(line, text)

    def connected(self, scene, line):
        """The handshake that open-handshake shows; the rest of the page begins here."""
        source = ', source_address=("client", %s)' % line.text if line.text else ""
        self.say(CONNECTED)
        for end, text in (("server", 'listener = create_server(("server", 80))'),
                          ("client", 'c = create_connection(("server", 80)%s)' % source),
                          ("server", "s, peer = listener.accept()")):
            hidden = Line(line.number, "command", text, end, ">")
            hidden.hidden = True
            self.command(scene, hidden)
        self.here = time_of(events()[-1])

    def wait(self, scene, line):
        """For what was begun in the background, and what it says."""
        end = scene.ends[line.end]
        text = end.ends(end.pending)
        self.say(text.rstrip("\n") or "(done)")
        self.expect(line, text)

    def wanted_of(self, line):
        """The arguments of ladder or plot, with the moment of "here"."""
        wanted = shlex.split(line.text)
        if "here" in wanted:
            port = [":%s " % wanted[wanted.index("--port") + 1]] if "--port" in wanted else []
            begin = time_of(events("xtcp_segment_", *port)[0])
            wanted[wanted.index("here")] = "%.2f" % ((self.here - begin) * 1000 + 0.006)
        return wanted

    def draw(self, line):
        wanted = self.wanted_of(line)
        self.say(self.paint("1", " ".join(["$", line.kind, *wanted])))
        draw = ladder if line.kind == "ladder" else plot
        picture = draw(wanted, self.width, self.color)
        self.say(picture)
        self.expect(line, draw(wanted, NARROW, False) if self.color or self.width != NARROW else picture)

    def moved(self, scene, line):
        """NAME=NUMBER ...: counters that have moved so much; NAME>=NUMBER: or more; NAME=0: one that has not."""
        moved, words, wrong = scene.ends[line.end].moved(), [], []
        for name, sign, number in re.findall(r"(\w+)(=|>=)(\d+)", line.text):
            value = moved.get(name, 0)
            self.checked += 1
            words.append("%s %d" % (name, value))
            if value != int(number) if sign == "=" else value < int(number):
                wrong.append("%s is %d and not %s%s" % (name, value, sign, number))
        for row in textwrap.wrap("%s's counters: %s" % (line.end, ", ".join(words)), min(self.width, 96),
                                 subsequent_indent="  "):
            self.say(row)
        if wrong:
            raise Failed("line %d: %s" % (line.number, "; ".join(wrong)))

    def play(self, scene):
        for line in self.page.lines:
            if line.kind == "prose":
                self.say()
                self.prose(line.text)
                self.say()
            elif line.kind == "command":
                self.command(scene, line)
            elif line.kind == "until":
                scene.ends[line.end].until(line.text)
            elif line.kind == "connected":
                self.connected(scene, line)
            elif line.kind == "wait":
                self.wait(scene, line)
            elif line.kind == "here":
                self.here = time_of(events()[-1])
            elif line.kind in ("ladder", "plot"):
                self.draw(line)
            else:
                self.moved(scene, line)

    def begin(self, place):
        title = "-- %s " % self.page.title
        self.say(self.paint("1", title) + self.paint("2", "-" * (self.width - len(title))))
        self.prose("%s %s: %s" % (place, self.page.name, self.page.rfc) if place else
                   "%s: %s" % (self.page.name, self.page.rfc))
        self.say()

    def end(self):
        self.say()
        self.prose("Question: " + self.page.question)
        if self.page.exercise:
            self.say()
            self.prose("Exercise: " + self.page.exercise)

    def run(self, place=""):
        """Shows it; true: all was as it should be."""
        above = len(self.out)
        self.begin(place)
        scene = None
        try:
            scene = Scene()
            self.play(scene)
        except Failed as error:
            self.fail(str(error))
        except Exception as error:  # the pages behind this one are to be shown nevertheless
            self.fail("%s: %s" % (type(error).__name__, error))
        finally:
            if scene:
                scene.close()
        self.end()
        self.lines = len(self.out) - above
        if self.width == NARROW and self.lines > MOST:
            self.fail("%d lines are too many, at %d columns" % (self.lines, self.width))
        return not self.failures
