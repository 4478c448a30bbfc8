# SPDX-License-Identifier: GPL-2.0
"""Small wrong changes of a C file. They are found in its tokens: comments, strings and directives
have none, except the constant of a #define.

A change is a span of the text and what stands there instead, in as many lines as before. Only the
compiler decides whether the result is C.
"""

import hashlib
import re
from collections import defaultdict, namedtuple

Token = namedtuple("Token", "kind text at end")
# @spans: (begin, end, new text) of each part that changes, in order.
Change = namedtuple("Change", "file line function kind spans")

LEX = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<op><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=
          |[-+*/%&|^~!<>=?:;,.(){}\[\]\#\\@])
  | (?P<space>\s+)
""", re.S | re.X)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.M)
DEFINE = re.compile(r"[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(?=[^\n])")

TURNED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
TURNED_NAMES = {"xtcp_seq_lt": "xtcp_seq_le", "xtcp_seq_le": "xtcp_seq_lt", "xtcp_seq_gt": "xtcp_seq_ge",
                "xtcp_seq_ge": "xtcp_seq_gt", "min": "max", "max": "min", "min_t": "max_t", "max_t": "min_t",
                "xtcp_seq_min": "xtcp_seq_max", "xtcp_seq_max": "xtcp_seq_min"}
REASONED = {"&&": "||", "||": "&&"}
CALCULATED = {"+": "-", "-": "+", "|": "&", "&": "|", "<<": ">>", ">>": "<<", "+=": "-=", "-=": "+=",
              "|=": "&=", "&=": "|=", "++": "--", "--": "++"}
BINARY = {"+", "-", "|", "&"}
SAID = {"true": "false", "false": "true"}

KEYWORDS = set("if else for while do switch case default return goto break continue sizeof typeof struct union enum "
               "const static unsigned signed int long char short void bool volatile inline extern asm".split())
# Nothing but assertions, and what only the compiler or lockdep hears.
SILENT = re.compile(r"^(BUILD_BUG_ON\w*|WARN\w*|RCU_LOCKDEP_WARN|sock_owned_by_me|sock_not_owned_by_me|lockdep_\w+|"
                    r"might_sleep|prefetch\w*|cond_resched|OPTIMIZER_HIDE_VAR|DECLARE_\w+|DEFINE_\w+|SNMP_MIB_ITEM|"
                    r"pr_\w+|net_\w+_ratelimited)$")
LOCK = re.compile(r"^((raw_)?(spin|read|write)_(un)?lock\w*|rcu_read_(un)?lock\w*|mutex_(un)?lock|"
                  r"(bh_)?(un)?lock_sock\w*|release_sock|local_bh_\w+|xtcp_\w+_(un)?lock|(un)?lock_\w+|smp_\w+|barrier|rcu_barrier|"
                  r"synchronize_\w+|rtnl_(un)?lock|preempt_\w+)$")
UNLOCK = re.compile(r"unlock|release_sock|local_bh_enable|preempt_enable")
COUNTER = re.compile(r"^(XTCP_\w*STATS|SNMP_\w+|this_cpu_(inc|dec|add|sub)|percpu_counter_\w+|"
                     r"atomic\w*_(inc|dec|add|sub)|sock_prot_inuse_add|count_\w+)$")


def tokens_of(text):
    """The tokens of the code, and (name, tokens) of each #define without arguments."""
    hidden = bytearray(len(text))
    defines = []
    comments = [(m.start(), m.end()) for m in LEX.finditer(text) if m.lastgroup == "comment"]
    inside = bytearray(len(text))
    for begin, end in comments:
        inside[begin:end] = b"\1" * (end - begin)
    for directive in DIRECTIVE.finditer(text):
        if inside[directive.start()]:
            continue
        begin, end = directive.span()
        hidden[begin:end] = b"\1" * (end - begin)
        define = DEFINE.match(text, begin, end)
        if define:
            defines.append((define[1], lex(text, define.end(), end)))
    return [token for token in lex(text, 0, len(text)) if not hidden[token.at]], defines


def lex(text, begin, end):
    tokens = []
    for match in LEX.finditer(text, begin, end):
        if match.lastgroup not in ("comment", "space"):
            tokens.append(Token(match.lastgroup, match[0], match.start(), match.end()))
    return tokens


def bodies(tokens):
    """(name, tokens between the braces) of each function."""
    depth, name, begin = 0, None, None
    parens, candidate = 0, None
    for i, token in enumerate(tokens):
        if token.text == "(":
            if depth == 0 and parens == 0 and i and tokens[i - 1].kind == "name":
                candidate = tokens[i - 1].text
            parens += 1
        elif token.text == ")":
            parens -= 1
        elif token.text == "{":
            if depth == 0 and parens == 0 and i and (tokens[i - 1].text == ")" or tokens[i - 1].kind == "name") \
                    and not is_type(tokens, i):
                name, begin = candidate, i + 1
            depth += 1
        elif token.text == "}":
            depth -= 1
            if depth == 0 and begin is not None:
                yield name, tokens[begin:i]
                begin = None


def is_type(tokens, brace):
    """Does the brace begin a struct, union, enum or initializer, not a block?"""
    before = [token.text for token in tokens[max(brace - 2, 0):brace]]
    return any(word in ("struct", "union", "enum", "=") for word in before)


def closing(tokens, i):
    """The index of the parenthesis that closes the one at i."""
    depth = 0
    for k in range(i, len(tokens)):
        depth += tokens[k].text == "("
        depth -= tokens[k].text == ")"
        if not depth:
            return k
    return len(tokens) - 1


def is_operand(token):
    return token.kind in ("name", "number", "string") and token.text not in KEYWORDS or token.text in (")", "]")


def next_number(text):
    match = re.match(r"(0[xX])?([0-9a-fA-F]+)([uUlL]*)$", text)
    if not match:
        return None
    if match[1]:
        return f"{match[1]}{int(match[2], 16) + 1:x}{match[3]}"
    return f"{int(match[2]) + 1}{match[3]}" if match[2].isdigit() else None


def statement_starts(tokens):
    """Indexes at which a statement begins."""
    after_control = set()
    for i, token in enumerate(tokens):
        if token.text in ("if", "for", "while", "switch") or re.match(r"\w*for_each\w*$", token.text):
            if i + 1 < len(tokens) and tokens[i + 1].text == "(":
                after_control.add(closing(tokens, i + 1) + 1)
    for i in range(len(tokens)):
        before = tokens[i - 1].text if i else "{"
        if before in (";", "{", "}", "else", "do") or i in after_control:
            yield i


def statement_end(tokens, i):
    """The index of the semicolon that ends a statement; None: the statement contains a block."""
    depth = 0
    for k in range(i, len(tokens)):
        text = tokens[k].text
        depth += text in "(["
        depth -= text in ")]"
        if text in "{}":
            return None
        if text == ";" and depth == 0:
            return k
    return None


def is_declaration(tokens, i):
    first, second = tokens[i], tokens[i + 1]
    if first.text in KEYWORDS:
        return True
    if first.kind != "name":
        return False
    return second.kind == "name" or second.text == "*" and tokens[i + 2].text != "(" or second.text == ":"


def blank(text, begin, end):
    """An empty text with as many lines."""
    return "\n" * text.count("\n", begin, end)


def left_out(text, tokens):
    for i in statement_starts(tokens):
        end = statement_end(tokens, i)
        if end is None or end == i:
            continue
        first = tokens[i]
        span = (first.at, tokens[end].at, blank(text, first.at, tokens[end].at))
        if first.text in ("break", "continue", "goto") or first.text == "return" and end == i + 1:
            yield first.at, "statement left out", [span]
        if is_declaration(tokens, i) or SILENT.match(first.text):
            continue
        kind, spans = "statement left out", [span]
        if tokens[i + 1].text == "(":
            if LOCK.match(first.text):
                if UNLOCK.search(first.text):
                    continue
                kind, spans = "lock or barrier left out", [span, *unlocks(text, tokens, i, end)]
            elif COUNTER.match(first.text):
                kind = "counter left out"
        yield first.at, kind, spans


def unlocks(text, tokens, lock, end):
    """The calls that release what the call at @lock takes."""
    held = [token.text for token in tokens[lock + 1:end]]
    for i in statement_starts(tokens[end + 1:]):
        i += end + 1
        stop = statement_end(tokens, i)
        if stop and UNLOCK.search(tokens[i].text) and LOCK.match(tokens[i].text) and \
                [token.text for token in tokens[i + 1:stop]][:2] == held[:2]:
            yield tokens[i].at, tokens[stop].at, blank(text, tokens[i].at, tokens[stop].at)


def words(tokens):
    """Changes of one token, and of the condition of an if."""
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else None
        span = token.at, token.end
        if token.kind == "number" or token.text in SAID:
            new = SAID.get(token.text) or next_number(token.text)
            if new:
                yield token.at, "constant changed", [(*span, new)]
        elif token.kind == "name":
            if token.text in TURNED_NAMES and i + 1 < len(tokens) and tokens[i + 1].text == "(":
                yield token.at, "comparison turned", [(*span, TURNED_NAMES[token.text])]
            elif token.text == "if" and tokens[i + 1].text == "(":
                last = tokens[closing(tokens, i + 1)]
                yield token.at, "condition negated", [(tokens[i + 1].at, tokens[i + 1].end, "(!("),
                                                      (last.at, last.end, "))")]
        elif token.text in TURNED:
            yield token.at, "comparison turned", [(*span, TURNED[token.text])]
        elif token.text in REASONED:
            yield token.at, "&& for ||", [(*span, REASONED[token.text])]
        elif token.text == "!":
            yield token.at, "condition negated", [(*span, "")]
        elif token.text in CALCULATED and (token.text not in BINARY or before and is_operand(before)):
            following = tokens[i + 1] if i + 1 < len(tokens) else None
            if token.text in ("+", "-") and following and following.text == "1":
                yield token.at, "off by one", [(token.at, following.end, "")]
            else:
                yield token.at, "calculated otherwise", [(*span, CALCULATED[token.text])]


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def changes_of(file, text):
    code, defines = tokens_of(text)
    for function, tokens in bodies(code):
        if len(tokens) < 2:
            continue
        for at, kind, spans in [*left_out(text, tokens), *words(tokens)]:
            yield Change(file, line_of(text, at), function, kind, sorted(spans))
    for name, tokens in defines:
        for token in tokens:
            if token.kind == "number" and next_number(token.text):
                yield Change(file, line_of(text, token.at), name, "constant changed",
                             [(token.at, token.end, next_number(token.text))])


def apply(text, change):
    for begin, end, new in reversed(change.spans):
        text = text[:begin] + new + text[end:]
    return text


def digest(*words):
    return hashlib.sha256("\0".join(map(str, words)).encode()).hexdigest()


def sample(files, seed):
    """One change of each line of {name: text}, in an order that follows from the seed. Other lines do not matter: a
    line keeps its change, and its place among the others, when the files change around it."""
    chosen = []
    for file, text in files.items():
        lines, seen = text.split("\n"), defaultdict(int)
        by_line = defaultdict(list)
        for change in changes_of(file, text):
            by_line[change.line, change.function].append(change)
        for (line, function), changes in sorted(by_line.items()):
            what = (seed, file, function, lines[line - 1].strip())
            seen[what] += 1
            key = digest(*what, seen[what])
            chosen.append((key, changes[int(key[:12], 16) % len(changes)]))
    return sorted(chosen)
