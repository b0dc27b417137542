#!/usr/bin/env python3
"""The console's pages: no text is ever read as HTML or code, all languages say the same things, every page is listed, and the
first load stays small."""
import glob
import json
import os
import re
import sys

TOP = os.environ.get("srcdir", ".")
BUILT = os.path.join(os.environ.get("builddir", "."), "console")
WEB = os.path.join(TOP, "src/admin/web")
FIRST_LOAD_MAX = 200 * 1000

# Ways to have a text read as HTML, a script or a style; and what would ask another host.
FORBIDDEN = {
    r"\b(inner|outer)HTML\b": "text is set by textContent",
    r"\binsertAdjacentHTML\b|\bdocument\.write|\bcreateContextualFragment\b|\bDOMParser\b|\bsetHTML\w*": "elements are made by h()",
    r"\beval\s*\(|\bnew Function\b|\bset(Timeout|Interval)\s*\(\s*[\"'`]": "no text is run",
    r"setAttribute\(\s*[\"']style[\"']|cssText|javascript:": "the page's Content-Security-Policy refuses it",
    r"https?://(?!www\.w3\.org/2000/svg|call\.example\.org\b)": "nothing is asked of another host",
}

count = 0
failed = False


def expect_nothing(name, problems):
    global count, failed
    count += 1
    failed |= bool(problems)
    print(("not ok" if problems else "ok"), count, "-", name)
    for problem in problems:
        print("#", problem)


def skip(name, reason):
    global count
    count += 1
    print("ok", count, "-", name, "# SKIP", reason)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def scripts():
    paths = sorted(glob.glob(os.path.join(WEB, "**/*.js"), recursive=True))
    return {os.path.relpath(path, WEB): without_comments(read(path)) for path in paths if "/built/" not in path}


def without_comments(text):
    return re.sub(r"(?m)(^|\s)//.*$", "", text)


# ---- nothing is read as HTML -----------------------------------------------------------------------

def forbidden(files):
    for path, text in files.items():
        for pattern, why in FORBIDDEN.items():
            for found in re.finditer(pattern, text):
                yield f"{path}: {found.group(0)}: {why}"


def inline(text):
    """Code and styles in the page itself, which the Content-Security-Policy would not run."""
    for found in re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style\b[^>]*>|\sstyle=|\son\w+=|(?:src|href)=\"(?:https?:)?//[^\"]*", text):
        yield f"index.html: {found.strip()}"


# ---- languages -------------------------------------------------------------------------------------

def languages():
    return {os.path.basename(path)[:-5]: json.loads(read(path), object_pairs_hook=unique)
            for path in sorted(glob.glob(os.path.join(WEB, "lang/*.json")))}


def unique(pairs):
    keys = [key for key, _ in pairs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError("twice: " + ", ".join(twice))
    return dict(pairs)


def differences(texts):
    first, *others = texts
    for other in others:
        yield from (f"{key} is in {first} alone, not in {other}" for key in texts[first].keys() - texts[other].keys())
        yield from (f"{key} is in {other} alone, not in {first}" for key in texts[other].keys() - texts[first].keys())
        for key in sorted(texts[first].keys() & texts[other].keys()):
            here, there = (set(re.findall(r"\{\w+\}", texts[name][key])) for name in (first, other))
            if here != there:
                yield f"{key}: {first} has {sorted(here)}, {other} has {sorted(there)}"


def is_known(key, texts):
    return key in texts or f"{key}.other" in texts


def unknown_keys(files, texts):
    for path, text in files.items():
        for key in re.findall(r"\bt\(\s*\"([^\"]*)\"", text) + re.findall(r"export const title = \"([^\"]*)\"", text):
            if not is_known(key, texts):
                yield f"{path}: {key}"


def page_keys(files):
    for name in re.findall(r"\{ name: \"([\w-]+)\"", files["pages.js"].split("export const signIn")[0]):
        yield f"nav.{name}"


def unused_keys(files, texts):
    """A key is used where it is written, where its beginning is ("nav.${name}", named("drop", …)), or for a page's name."""
    everything = "\n".join(files.values())
    literals = set(re.findall(r"[\"'`]([\w.-]+)[\"'`]", everything)) | set(page_keys(files))
    beginnings = set(re.findall(r"`([\w.-]+[._])\$\{", everything)) - {"nav."}
    beginnings |= {f"{prefix}." for prefix in re.findall(r"\bnamed\(\"([\w.-]+)\"", everything)}
    for key in texts:
        plain = re.sub(r"\.(zero|one|two|few|many|other)$", "", key)
        if not {key, plain} & literals and not any(key.startswith(start) for start in beginnings):
            yield key


# ---- the list of pages -----------------------------------------------------------------------------

def unlisted(files):
    listed = set(re.findall(r"import\(\"\./(pages/[\w-]+\.js)\"\)", files["pages.js"]))
    imported = {os.path.normpath(os.path.join(os.path.dirname(path), name))
                for path, text in files.items() for name in re.findall(r"\bfrom \"(\.[^\"]+\.js)\"", text)}
    for path in files:
        if path.startswith("pages/") and path not in listed | imported:
            yield f"{path} is no page of pages.js, and part of none"


def twice_taken(files):
    for what in ("key", "name"):
        values = re.findall(rf"\b{what}: \"([^\"]+)\"", files["pages.js"])
        yield from (f"{what} {value} is taken twice" for value in sorted({v for v in values if values.count(v) > 1}))


def unlocked(lock):
    """What is fetched is settled to the byte, and from nowhere in particular."""
    for name, package in lock["packages"].items():
        if name and "integrity" not in package:
            yield f"{name}: no integrity"
        if "resolved" in package:
            yield f"{name}: resolved"


def unstyled():
    """A style that app.css does not take up is in no page."""
    imported = re.findall(r"@import \"\./([\w-]+\.css)\"", read(os.path.join(WEB, "app.css")))
    for path in sorted(glob.glob(os.path.join(WEB, "*.css"))):
        if os.path.basename(path) not in imported + ["app.css"]:
            yield os.path.basename(path)


# ---- the first load --------------------------------------------------------------------------------

def loaded_with(name, seen):
    """A script and what it imports at once."""
    if name not in seen:
        seen.add(name)
        for other in re.findall(r"(?:from|import)\"\./([\w-]+\.js)\"", read(os.path.join(BUILT, name))):
            loaded_with(other, seen)
    return seen


def first_load():
    """The page, the style, app.js, the longer language, and the page that is shown first."""
    names = os.listdir(BUILT)
    longest = max((name for name in names if re.fullmatch(r"(en|de)-\w+\.js", name)), key=lambda name: os.path.getsize(os.path.join(BUILT, name)))
    overview, = (name for name in names if re.fullmatch(r"overview-\w+\.js", name))
    loaded = {"index.html", "app.css"}
    for name in ("app.js", longest, overview):
        loaded_with(name, loaded)
    sizes = {name: os.path.getsize(os.path.join(BUILT, name)) for name in sorted(loaded)}
    print(f"# {sum(sizes.values())} bytes in {len(sizes)} files")
    if sum(sizes.values()) > FIRST_LOAD_MAX:
        yield f"{sum(sizes.values())} bytes of {FIRST_LOAD_MAX}: {sizes}"


def main():
    files, texts = scripts(), languages()
    first = next(iter(texts.values()))
    expect_nothing("no text is read as HTML or run, and no other host is asked", list(forbidden(files)))
    expect_nothing("index.html has no inline script or style", list(inline(read(os.path.join(WEB, "index.html")))))
    expect_nothing("all languages have the same keys and members", list(differences(texts)))
    expect_nothing("every text that is used is there", list(unknown_keys(files, first)) +
                   [key for key in page_keys(files) if key not in first])
    expect_nothing("every text that is there is used", list(unused_keys(files, first)))
    expect_nothing("every file of pages/ is a page or part of one", list(unlisted(files)))
    expect_nothing("every style is part of app.css", list(unstyled()))
    expect_nothing("no name or letter of a page is taken twice", list(twice_taken(files)))
    expect_nothing("packages are locked by their hashes", list(unlocked(json.loads(read(os.path.join(WEB, "package-lock.json"))))))
    name = f"the first load is at most {FIRST_LOAD_MAX // 1000} kB"
    if os.path.exists(os.path.join(BUILT, ".done")):
        expect_nothing(name, list(first_load()))
    elif os.path.exists(os.path.join(os.path.dirname(BUILT), "turnconsole")):
        skip(name, "the pages were not built")
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
