# SPDX-License-Identifier: GPL-2.0
"""Pages of the tour as files for a browser, which run no script and load nothing from elsewhere. They are XML, too."""

import os
import re
import tempfile
from html import escape
from xml.etree import ElementTree

import page     # which knows where the tools are
import ladder_html

STYLE = """:root { color-scheme: light; }
body { max-width: 62rem; margin: 0 auto; padding: 0 1rem 3rem; color: #1f2933; background: #fff;
       font: 1rem/1.55 system-ui, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; }
nav { display: flex; justify-content: space-between; gap: 1rem; padding: .8rem 0; border-bottom: 1px solid #cbd2d9; }
nav :nth-child(2) { flex-shrink: 0; }
nav :first-child, nav :last-child { flex: 1; }
nav :last-child { text-align: right; }
nav:last-child { border-top: 1px solid #cbd2d9; border-bottom: 0; }
@media (max-width: 40rem) { nav { font-size: .85rem; line-height: 1.35; } }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 1.2rem 0 .2rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .3rem; }
p.rfc { margin-top: 0; color: #616e7c; }
p, li { max-width: 44rem; }
h1, h2, p, li, summary, nav, figcaption { overflow-wrap: anywhere; }
a { color: #1864ab; }
pre { overflow-x: auto; padding: .7rem .9rem; background: #f5f7fa; border-radius: .3rem;
      font: .85rem/1.4 "DejaVu Sans Mono", Menlo, Consolas, monospace; }
pre b { color: #1864ab; }
figure { margin: 1rem 0; overflow-x: auto; }
figure svg { display: block; width: 100%; min-width: 46rem; height: auto; }
@media (max-width: 50rem) { pre { white-space: pre-wrap; overflow-wrap: anywhere; }
                            figure.wide::before { content: "drag sideways for the right end \\2192"; position: sticky; left: 0;
                            display: inline-block; color: #616e7c; font-size: .85rem; } }
figcaption { color: #616e7c; font: .85rem "DejaVu Sans Mono", Menlo, Consolas, monospace; }
details { margin: 1.2rem 0; padding: .7rem .9rem; background: #fff9db; border-radius: .3rem; }
summary { cursor: pointer; font-weight: 600; }
p.failed { color: #c92a2a; }
""" + ladder_html.BOTH
WHOLE = '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n' \
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n<title>%s</title>\n' \
        '<link rel="stylesheet" href="tour.css"/>\n</head>\n<body>\n%s\n</body>\n</html>\n'


class HtmlShow(page.Show):
    """A page as blocks of HTML: prose, what was typed and said, pictures."""

    def __init__(self, one, names=()):
        """@names: of the pages that are written with it"""
        super().__init__(one, 140, True)
        self.blocks, self.typed, self.names = [], [], names

    def linked(self, text):
        """As HTML, with a link where it names a page that is written, too; another one stays unnamed."""
        def link(found):
            there = found[2] in self.names
            return '%s<a href="%s.html">%s</a>%s' % (found[1], found[2], found[2], found[3]) if there else ""
        return re.sub(r"( \(page )([a-z-]+)(\))", link, escape(text, quote=False))

    def close_typed(self):
        """Makes a block of what was typed and said since the last one."""
        text = escape("\n".join(self.typed).strip("\n"), quote=False)
        if text:
            bold = re.sub("\033\\[1m(.*?)\033\\[0m", r"<b>\1</b>", text, flags=re.S)
            self.blocks.append("<pre>%s</pre>" % re.sub("\033\\[[0-9;]*m", "", bold))
        self.typed = []

    def add(self, block):
        self.close_typed()
        self.blocks.append(block)

    # ---- as page.Show does it for a terminal

    def begin(self, place):
        self.add("<h1>%s</h1>\n<p class=\"rfc\">%s</p>" % (escape(self.page.title), escape(self.page.rfc)))

    def say(self, text=""):
        if text:
            self.typed += text.rstrip("\n").split("\n")

    def prose(self, text, code=""):
        if text:
            self.add("<p>%s</p>" % self.linked(text))

    def draw(self, line):
        wanted = self.wanted_of(line)
        draw = page.ladder if line.kind == "ladder" else page.plot
        handle, name = tempfile.mkstemp(suffix=".svg")
        os.close(handle)
        pictures = []
        try:
            self.expect(line, draw(wanted, page.NARROW, False))
            for narrow in [["--narrow"], []] if line.kind == "ladder" else [[]]:
                draw([*wanted, "--svg", name, *narrow], page.NARROW, False)
                with open(name, encoding="utf-8") as file:
                    pictures.append(file.read())
        finally:
            os.unlink(name)
        wide = ' class="wide"' if len(pictures) == 1 else ""
        self.add("<figure%s>%s<figcaption>%s</figcaption></figure>" %
                 (wide, pictures[0] if wide else ladder_html.both(*pictures), escape(" ".join([line.kind, *wanted]))))

    def end(self):
        for why in self.failures:
            self.add('<p class="failed">This page did not show what it should: %s</p>' % escape(why))
        self.add("<details><summary>%s</summary><p>%s</p></details>" %
                 (self.linked(self.page.question), self.linked(self.page.answer)))
        if self.page.exercise:
            self.add("<p>Exercise: %s</p>" % self.linked(self.page.exercise))


def save(folder, name, text):
    """A file with this name is whole."""
    path = os.path.join(folder, name)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def is_written(folder, one):
    return os.path.exists(os.path.join(folder, one.name + ".html"))


def navigation(one, pages):
    """Links to the page before, the index, the next page."""
    at = pages.index(one)
    links = []
    for number, arrow in ((at - 1, "\u2190 %s"), (at + 1, "%s \u2192")):
        there = 0 <= number < len(pages)
        links.append('<a href="%s.html">%s</a>' % (pages[number].name, arrow % escape(pages[number].title))
                     if there else "<span></span>")
    return '<nav>%s<a href="index.html">all pages</a>%s</nav>' % tuple(links)


def write_page(folder, show, pages):
    show.close_typed()
    links = navigation(show.page, pages)
    save(folder, show.page.name + ".html",
         WHOLE % (escape(show.page.title), "\n".join([links, *show.blocks, links])))


def write_index(folder, pages, chapters, written):
    """Writes the index: the titles of all pages, by chapter, and links to those that are @written. And the style."""
    lines, chapter = ["<h1>How TCP behaves</h1>",
                      "<p>One phenomenon on a page, with real segments: what is done, what both ends saw, and why.</p>"], ""
    for one in pages:
        first = one.name.split("-")[0]
        if first != chapter:
            lines += ["</ul>"] if chapter else []
            lines += ["<h2>%s</h2>" % escape(chapters[first]), "<ul>"]
            chapter = first
        lines.append("<li>%s</li>" % ('<a href="%s.html">%s</a>' % (one.name, escape(one.title)) if one in written else
                                      escape(one.title)))
    lines.append("</ul>")
    save(folder, "index.html", WHOLE % ("How TCP behaves", "\n".join(lines)))
    save(folder, "tour.css", STYLE)


def wrong_files(folder, drawn):
    """A list of what is wrong with the files of a folder; @drawn: how many pictures they should have."""
    wrong, pictures = [], 0
    for name in sorted(os.listdir(folder)):
        if name.endswith(".html"):
            try:
                every = list(ElementTree.parse(os.path.join(folder, name)).iter())
            except ElementTree.ParseError as error:
                wrong.append("%s: %s" % (name, error))
                continue
            pictures += sum(one.tag.endswith("}svg") and one.get("class") != "narrow" for one in every)
            wrong += ["%s: leads to %s, which is not there" % (name, one.get("href")) for one in every
                      if one.get("href") and not os.path.exists(os.path.join(folder, one.get("href")))]
    return wrong if pictures == drawn else wrong + ["%d pictures, and not %d" % (pictures, drawn)]
