"""JSON against schemas (JSON Schema 2020-12, as much of it as openapi.json uses; all else is refused, so that nothing is skipped).

    problems(value, schema, document) -> ["/rooms/0/name: 5 is no string", ...], none when it fits"""
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
NOTES = {"description", "title", "default", "example", "examples"}


def problems(value, schema, document, at=""):
    if "$ref" in schema:
        return problems(value, resolve(schema["$ref"], document), document, at)
    found = []
    for word, wanted in schema.items():
        if word not in NOTES:
            if word not in CHECKS:
                raise ValueError("%s: the checker does not know \"%s\"" % (at, word))
            found += CHECKS[word](value, wanted, schema, document, at)
    return found


def resolve(reference, document):
    """What a reference within the document names: KeyError where there is nothing."""
    if not reference.startswith("#/"):
        raise KeyError(reference)
    for part in reference[2:].split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def unknown_words(schema, at=""):
    """Words anywhere in a schema that the checker does not know, with where they are."""
    for word, wanted in schema.items():
        if word not in CHECKS and word not in NOTES and word != "$ref":
            yield at + "/" + word
        if word == "properties":
            for name, one in wanted.items():
                yield from unknown_words(one, at + "/" + name)
        for one in wanted if word == "anyOf" else [wanted] if word in ("items", "additionalProperties") else []:
            yield from unknown_words(one, at + "/" + word) if isinstance(one, dict) else ()


def is_a(value, name):
    if name in ("integer", "number"):
        whole = isinstance(value, int) or isinstance(value, float) and value.is_integer()
        return not isinstance(value, bool) and (whole or name == "number" and isinstance(value, float))
    return isinstance(value, TYPES[name])


def check_type(value, wanted, _schema, _document, at):
    names = wanted if isinstance(wanted, list) else [wanted]
    return [] if any(is_a(value, name) for name in names) else ["%s: %.80r is no %s" % (at, value, " or ".join(names))]


def check_properties(value, wanted, _schema, document, at):
    if not isinstance(value, dict):
        return []
    return [problem for name, schema in wanted.items() if name in value
            for problem in problems(value[name], schema, document, at + "/" + name)]


def check_required(value, wanted, _schema, _document, at):
    return ["%s: %s is missing" % (at, name) for name in wanted if isinstance(value, dict) and name not in value]


def check_additional(value, wanted, schema, document, at):
    if not isinstance(value, dict):
        return []
    more = [name for name in value if name not in schema.get("properties", {})]
    if isinstance(wanted, dict):
        return [problem for name in more for problem in problems(value[name], wanted, document, at + "/" + name)]
    return [] if wanted else ["%s: %s is not in the schema" % (at, name) for name in more]


def check_items(value, wanted, _schema, document, at):
    if not isinstance(value, list):
        return []
    return [problem for i, one in enumerate(value) for problem in problems(one, wanted, document, "%s/%d" % (at, i))]


def check_any_of(value, wanted, _schema, document, at):
    found = [problems(value, schema, document, at) for schema in wanted]
    return [] if any(not one for one in found) else found[0]


def check_enum(value, wanted, _schema, _document, at):
    return [] if value in wanted else ["%s: %.80r is not one of %s" % (at, value, wanted)]


def check_const(value, wanted, _schema, _document, at):
    return [] if value == wanted else ["%s: %.80r is not %r" % (at, value, wanted)]


def check_pattern(value, wanted, _schema, _document, at):
    if isinstance(value, str) and not re.search(wanted, value):
        return ["%s: %.80r is not as %s" % (at, value, wanted)]
    return []


def of_number(is_right):
    def check(value, wanted, _schema, _document, at):
        if is_a(value, "number") and not is_right(value, wanted):
            return ["%s: %r is out of bounds (%r)" % (at, value, wanted)]
        return []
    return check


def of_text(is_right):
    def check(value, wanted, _schema, _document, at):
        return ["%s: %.80r is too short or long (%d)" % (at, value, wanted)] \
            if isinstance(value, str) and not is_right(len(value), wanted) else []
    return check


CHECKS = {
    "type": check_type, "properties": check_properties, "required": check_required, "additionalProperties": check_additional,
    "items": check_items, "anyOf": check_any_of, "enum": check_enum, "const": check_const, "pattern": check_pattern,
    "minimum": of_number(lambda value, least: value >= least), "maximum": of_number(lambda value, most: value <= most),
    "minLength": of_text(lambda length, least: length >= least), "maxLength": of_text(lambda length, most: length <= most),
}
