#!/usr/bin/env python3
"""src/admin/openapi.json against src/admin/routes.def: each describes what the other has, neither more; who may ask, scopes, CSRF; references
lead somewhere; what is defined is used; examples fit their schemas."""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))
sys.dont_write_bytecode = True
from harness import schema  # noqa: E402

ADMIN = os.path.join(HERE, "..", "..", "src", "admin")
ROW = re.compile(r'^ROUTE\(api_(\w+),\s*([A-Z]+),\s*"([^"]+)",\s*(\w+),\s*"([^"]*)",\s*"([^"]*)"\)', re.MULTILINE)
WHO = {"ANYBODY": "anybody", "ANY_REALM": "any-realm", "ALL_REALMS": "all-realms"}


def twice(pairs):
    """JSON takes the last of two members that have one name, and says nothing."""
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("twice: %s" % sorted(name for name in names if names.count(name) > 1))
    return dict(pairs)


def read():
    with open(os.path.join(ADMIN, "openapi.json"), encoding="utf-8") as file:
        document = json.load(file, object_pairs_hook=twice)
    with open(os.path.join(ADMIN, "routes.def"), encoding="utf-8") as file:
        text = file.read()
    rows = [dict(zip(("name", "method", "path", "who", "area", "summary"), row)) for row in ROW.findall(text)]
    assert len(rows) == len(re.findall(r"^ROUTE\(", text, re.MULTILINE)), "a row that this test cannot read"
    return document, rows


DOCUMENT, ROWS = read()


def operations():
    """(method, path, operation) of the document."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


OPERATIONS = {(method, path): operation for method, path, operation in operations()}


def with_row():
    """(row, operation) of all that both have."""
    for row in ROWS:
        operation = OPERATIONS.get((row["method"], row["path"]))
        if operation is not None:
            yield row, operation


def find_routes():
    here, there = {(row["method"], row["path"]) for row in ROWS}, set(OPERATIONS)
    yield from ("%s %s is in routes.def alone" % one for one in sorted(here - there))
    yield from ("%s %s is in openapi.json alone" % one for one in sorted(there - here))


def find_names():
    for row, operation in with_row():
        if (operation["operationId"], operation["summary"], operation["x-who"]) != (row["name"], row["summary"], WHO[row["who"]]):
            yield "%s %s: operationId, summary or x-who is another" % (row["method"], row["path"])


def wanted_security(row):
    if row["who"] == "ANYBODY":
        return []
    change = row["method"] != "GET"
    ways = [{"cookie": [], "csrf": []} if change else {"cookie": []}]
    if row["area"]:
        ways.append({"bearer": ["%s:%s" % (row["area"], "write" if change else "read")]})
    return ways


def find_security():
    for row, operation in with_row():
        if operation.get("security") != wanted_security(row):
            yield "%s %s: security is not %s" % (row["method"], row["path"], wanted_security(row))
        if row["who"] != "ANYBODY" and "401" not in operation["responses"]:
            yield "%s %s: who is not signed in is answered nothing" % (row["method"], row["path"])


def parameters(operation):
    return [schema.resolve(one["$ref"], DOCUMENT) if "$ref" in one else one for one in operation.get("parameters", [])]


def find_path_parameters():
    for (method, path), operation in OPERATIONS.items():
        named = [one["name"] for one in parameters(operation) if one["in"] == "path"]
        if named != re.findall(r"{(\w+)}", path):
            yield "%s %s: parameters %s" % (method, path, named)
        if method == "GET" and "requestBody" in operation:
            yield "%s %s has a body" % (method, path)


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def find_references():
    used = set(references(DOCUMENT))
    for one in sorted(used):
        try:
            schema.resolve(one, DOCUMENT)
        except KeyError:
            yield "%s leads nowhere" % one
    for kind in ("schemas", "parameters", "responses"):
        for name in DOCUMENT["components"][kind]:
            if "#/components/%s/%s" % (kind, name) not in used:
                yield "%s/%s is not used" % (kind, name)
    tags = {one["name"] for one in DOCUMENT["tags"]}
    for method, path, operation in operations():
        yield from ("%s %s: tag %s" % (method, path, tag) for tag in operation["tags"] if tag not in tags)


def contents(value, at=""):
    """(where, {"schema": .., "example": ..}) of all bodies of requests and answers."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name == "content":
                yield from ((at, body) for body in one.values())
            else:
                yield from contents(one, at + "/" + name)


def find_examples():
    for at, body in contents(DOCUMENT):
        if "example" in body:
            yield from ("%s %s" % (at, one) for one in schema.problems(body["example"], body["schema"], DOCUMENT))


def find_words():
    for name, one in DOCUMENT["components"]["schemas"].items():
        yield from schema.unknown_words(one, name)
    for at, body in contents(DOCUMENT):
        yield from schema.unknown_words(body["schema"], at)


def find_answers():
    """204 has no body and all else has one; each operation tells what went wrong as a problem."""
    for method, path, operation in operations():
        for status, answer in operation["responses"].items():
            if "$ref" not in answer and ("content" in answer) == (status == "204"):
                yield "%s %s: %s" % (method, path, status)
        if not any(status.startswith("2") for status in operation["responses"]):
            yield "%s %s: nothing is ever right" % (method, path)


TESTS = (
    ("routes.def and openapi.json have the same paths and methods", find_routes),
    ("each has the name, the summary and the askers of its route", find_names),
    ("cookie, CSRF token and scope are those of the route's area", find_security),
    ("segments in braces are parameters, and nothing that is asked has a body", find_path_parameters),
    ("references lead somewhere, and what is defined is used", find_references),
    ("examples fit their schemas", find_examples),
    ("schemas have no word that the checker does not know", find_words),
    ("answers have bodies, but 204", find_answers),
)


def main():
    print("1..%d" % len(TESTS))
    for number, (name, find) in enumerate(TESTS, 1):
        found = list(find())
        print("%s %d - %s" % ("not ok" if found else "ok", number, name))
        for one in found:
            print("# " + one)


if __name__ == "__main__":
    main()
