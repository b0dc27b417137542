#!/usr/bin/env python3
"""Every event that the programs log, with its level and keys, is in turnserver-log(7), and no other; names of
keys are words of one list, so that one thing has one name."""
import glob
import os
import re
import sys

TOP = os.environ.get("srcdir", ".")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
CALL = re.compile(r"\blog_(debug|info|warning|error|always|event|text|entry_init)\s*\(")
RESERVED = {"time", "level", "event", "text", "held_back"}


def without_comments(text):
    return re.sub(r'/\*.*?\*/|("(?:[^"\\]|\\.)*")', lambda found: found.group(1) or " ", text, flags=re.S)


def macros(text):
    """Names that stand for parts of a format: those of this file, and numbers of inttypes.h."""
    text = text.replace("\\\n", " ")
    found = {name: value for name, value in re.findall(r"#define (\w+)\s+(.*\".*\".*)", text)}
    return found


def arguments(text, start):
    """The arguments of the call whose bracket is before start."""
    depth, at, parts, part = 1, start, [], ""
    while depth > 0:
        literal = LITERAL.match(text, at)
        if literal:
            part += literal.group(0)
            at = literal.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 1 and text[at] == ",":
            parts.append(part.strip())
            part = ""
        elif depth > 0:
            part += text[at]
        at += 1
    return parts + [part.strip()]


def literal_of(expression, known):
    """The text that literals and macros side by side make; None: it is not one."""
    for name, value in known.items():
        expression = re.sub(r"\b%s\b" % name, lambda _: value, expression)
    expression = re.sub(r"\bPRI[a-z]\d*\b", '"u"', expression)
    if not re.fullmatch(r'(\s*"(?:[^"\\]|\\.)*"\s*)+', expression):
        return None
    return "".join(LITERAL.findall(expression)).replace('\\"', '"')


def keys_of(form):
    """The keys of a format, as log_entry.c reads them; those whose name is made at run time are *."""
    keys, rest = [], form or ""
    while rest:
        found = re.match(r'([^=?* ]*)[?*]?=("[^"]*"|[^ ]*) *', rest)
        if not found:
            return ["not a key: " + rest]
        keys.append(re.sub(r"%\w+", "*", found.group(1)))
        rest = rest[found.end():]
    return keys


def calls():
    """Yields (where, event, level, keys) of each call."""
    for path in sorted(glob.glob(os.path.join(TOP, "src", "*", "*.c"))):
        with open(path) as file:
            text = without_comments(file.read())
        known = macros(text)
        name = os.path.relpath(path, TOP)
        if name == "src/base/log.c" or name == "src/base/log_sink.c":
            yield from own_calls(name, text)
            continue
        for found in CALL.finditer(text):
            kind, parts = found.group(1), arguments(text, found.end())
            where = "%s:%d" % (name, text.count("\n", 0, found.start()) + 1)
            if kind == "entry_init" or (kind in ("event", "text") and not parts[0].startswith("LEVEL_")):
                continue
            level = {"always": "info"}.get(kind, kind)
            if kind in ("event", "text"):
                level = re.match(r"LEVEL_(\w+)", parts.pop(0)).group(1).lower()
            keys = [] if kind == "text" or parts[1] == "NULL" else keys_of(literal_of(parts[1], known))
            for event in events_of(parts[0], known):
                yield where, event, level, keys


def events_of(expression, known):
    """One literal, or those of a choice."""
    choice = re.fullmatch(r'[^"?]*\?\s*("[^"]*")\s*:\s*("[^"]*")', expression)
    return [literal_of(each, known) for each in (choice.groups() if choice else [expression])]


def own_calls(name, text):
    """The log's own events are put together by hand."""
    for found in re.finditer(r'log_entry_init\(&\w+, LEVEL_(\w+), ("[^"]+")\);\s*log_entry_put\(', text):
        parts = arguments(text, found.end())
        yield name, literal_of(found.group(2), {}), found.group(1).lower(), keys_of(literal_of(parts[1], {}))


def documented():
    """The rows of the manual: event to (level, keys)."""
    with open(os.path.join(TOP, "man", "turnserver-log.7")) as file:
        text = file.read().replace("\\-", "-").replace("\\(aq", "'")
    rows = re.findall(r"^\.TP\n\.B (.+)\n\.I (\w+)(?:: (.+))?$", text, re.M)
    return {event: (level, set((keys or "").split())) for event, level, keys in rows}


def check(name, problems):
    check.count = getattr(check, "count", 0) + 1
    print("%sok %d - %s" % ("not " if problems else "", check.count, name))
    for problem in problems:
        print("# " + problem)
    return not problems


def main():
    found, rows = list(calls()), documented()
    if "--list" in sys.argv:
        for event in sorted({call[1] or "?" for call in found}):
            levels = {call[2] for call in found if call[1] == event}
            keys = {key for call in found if call[1] == event for key in call[3]}
            where = [call[0] for call in found if call[1] == event]
            print(event, levels, sorted(keys), where)
        return 0
    passed = [
        check("every event is a text that can be looked up",
              ["%s: the event is no literal" % where for where, event, _, _ in found if event is None]),
        check("every event is in turnserver-log(7)",
              ["%s: %s" % (where, event) for where, event, _, _ in found if event and event not in rows]),
        check("turnserver-log(7) has no event that is not logged",
              [event for event in rows if event not in {call[1] for call in found}]),
        check("each has the level that the manual says",
              ["%s: %s is %s, not %s" % (where, event, level, rows[event][0])
               for where, event, level, _ in found if event in rows and rows[event][0] != level]),
        check("each has no key but those that the manual names",
              ["%s: %s: %s" % (where, event, key) for where, event, _, keys in found if event in rows
               for key in keys if key not in rows[event][1]]),
        check("the manual names no key that is not there",
              ["%s: %s" % (event, key) for event, (_, keys) in rows.items()
               for key in keys - {key for call in found if call[1] == event for key in call[3]}]),
        check("no key has a name that lines have of their own",
              ["%s: %s" % (where, key) for where, event, _, keys in found for key in keys
               if key in RESERVED and not where.startswith("src/base/")]),
        check("one thing has one name: reason and advice, not problem and mend",
              ["%s: %s" % (where, key) for where, _, _, keys in found for key in keys
               if key in ("problem", "mend", "error_text", "cause", "why", "username", "ip_address")]),
    ]
    print("1..%d" % len(passed))
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
