#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The documents: README.md and the cells of tables are short enough to be read, DOCUMENTS.md names every other one,
links lead to something, and so do the files of STANDARDS.md and the make targets that README.md and scripts/README.md
name.

Prints a line for each thing that is wrong."""
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]
LINES, COLUMNS, WORDS = 120, 100, 40


def documents():
    return sorted(file for top in (TOP.glob("*.md"), *((TOP / name).rglob("*.md") for name in
                                                       ("module", "scripts", "selftests"))) for file in top)


def anchors(file):
    """What a link may have behind #, as pages of a repository make it of their headings."""
    return {re.sub(r"[^\w -]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
            for line in file.read_text().splitlines() if line.startswith("#")}


def links(file):
    """(what it leads to, the part of it)"""
    text = re.sub(r"^```.*?^```", "", file.read_text(), flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path, _, part = target.partition("#")
            yield (file.parent / path).resolve() if path else file, part, target


def check_length(file):
    lines = file.read_text().splitlines()
    if len(lines) > LINES:
        print(f"{file.name}: {len(lines)} lines, {LINES} at most")
    for number, line in enumerate(lines, 1):
        if len(line.expandtabs(8)) > COLUMNS:
            print(f"{file.name}: line {number} has {len(line.expandtabs(8))} columns, {COLUMNS} at most")


def check_cells():
    for file in documents():
        for number, line in enumerate(file.read_text().splitlines(), 1):
            longest = max(len(cell.split()) for cell in line.split("|")) if line.startswith("|") else 0
            if longest > WORDS:
                print(f"{file.relative_to(TOP)}: line {number}: a cell of {longest} words, {WORDS} at most")


def check_links():
    for file in documents():
        for path, part, target in links(file):
            if not path.exists():
                print(f"{file.relative_to(TOP)}: {target} is not there")
            elif part and path.suffix == ".md" and part not in anchors(path):
                print(f"{file.relative_to(TOP)}: {target}: no such heading")


def source_of(word):
    """The file that a word in a document of module/ names: from there, from the top, or by its last name alone."""
    for file in (TOP / "module" / word, TOP / word):
        if file.is_file():
            return file
    name = word.replace("VIEW", "*")
    found = [file for top in ("module", "include", "scripts", "selftests") for file in (TOP / top).rglob(name)]
    return found[0] if found else None


def defines(file, function):
    return re.search(rf"^(?:#define {function}\(|def {function}\(|(?![ \t#*/]).*\b{function}\((?!.*;$))",
                     file.read_text(), re.M)


def places():
    """The rows of "Where it is decided" and of "Where to go to change something", and the paragraphs about limits."""
    text = (TOP / "module/README.md").read_text()
    decided = text[text.index("## Where it is decided"):text.index("## Glossary")]
    text = text[text.index("## Where to go to change something"):]
    table, _, limits = text.partition("\n### ")
    yield from (line for line in (decided + table).splitlines() if re.match(r"\| (?!question)(?!to change)", line))
    yield from re.split(r"\n- ", limits)[1:]


def check_places():
    for place in places():
        words = re.findall(r"(?<![\w/.<])[\w/.-]+\.(?:c|h|py|sh|conf|md)\b(?!>)", place)
        files = {word: source_of(word) for word in words}
        for word, file in files.items():
            if not file:
                print(f"module/README.md, where to go: there is no {word}")
        for function in re.findall(r"`(\w+)\(\)`", place):
            if not any(file and defines(file, function) for file in files.values()):
                print(f"module/README.md, where to go: {function}() is in none of {', '.join(words)}")


def check_exercises():
    """Of the tour: do the files, functions, test programs and rows that an exercise names exist?"""
    names = {name.replace("%s", r"\w+") for file in (TOP / "selftests").glob("*/*.c")
             for name in re.findall(r'"([\w%]+)"', file.read_text())}
    for page in sorted((TOP / "scripts/tour").glob("*.txt")):
        text = re.search(r"^% (.*(?:\n[^\n]+)*)", page.read_text(), re.M)
        if not text:
            continue
        text = " ".join(text[1].split())
        files = [TOP / "module" / word for word in re.findall(r"\b[\w/]+\.[ch]\b", text)]
        for file in files:
            if not file.is_file():
                print(f"{page.name}: the exercise names {file.relative_to(TOP)}, which is not there")
        for function in re.findall(r"\b(\w+)\(\)", text):
            if not any(file.is_file() and defines(file, function) for file in files):
                print(f"{page.name}: the exercise names {function}(), which is in none of its files")
        for program in re.findall(r"\bT=(\w+)", text):
            if not list((TOP / "selftests").glob(f"*/{program}.c")):
                print(f"{page.name}: the exercise names the test {program}, which is not there")
        for row in re.findall(r'"([^"]+)"', text):
            if not any(re.fullmatch(name, row) for name in names if not name.startswith(r"\w+") and "%" not in name):
                print(f"{page.name}: the exercise names a row '{row}', which is in no test")


def check_list():
    named = {path for path, _, _ in links(TOP / "module/DOCUMENTS.md")}
    for file in documents():
        if file not in named and file.name != "DOCUMENTS.md":
            print(f"module/DOCUMENTS.md: {file.relative_to(TOP)} is missing")


def check_standards():
    for line in (TOP / "module/STANDARDS.md").read_text().splitlines():
        if line.startswith("|"):
            files, tests = line.split("|")[-3:-1]
            for folder, cell in (("module", files), ("selftests", tests)):
                for name in re.findall(r"`([\w/]+\.c)`", cell):
                    if not (TOP / folder / name).exists():
                        print(f"module/STANDARDS.md: there is no {folder}/{name}")


def check_targets():
    known = set(re.findall(r"^([a-z][a-z-]*):", (TOP / "Makefile").read_text(), re.M))
    for name in ("README.md", "scripts/README.md"):
        said = re.findall(r"(?:^    |`|; )make ([a-z][a-z-]*)", (TOP / name).read_text(), re.M)
        for target in sorted(set(said) - known):
            print(f"{name}: make {target}: no such target")


check_length(TOP / "README.md")
check_cells()
check_links()
check_places()
check_exercises()
check_list()
check_standards()
check_targets()
