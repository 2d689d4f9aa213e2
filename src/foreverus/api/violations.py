"""What breaks a schema, in the words of people: which field, and what it must be. Pure.

A table of sentences by keyword. Where a part of a schema has a `description`, that says what the value must be;
elsewhere the sentence is made of the keywords. A test breaks every keyword of every schema and reads the sentences.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from foreverus.strict_json import joined, path_of, shown
from foreverus.text import VISIBLE, is_blank, quoted, shortened

_Sentence = Callable[[Any, str], str]  # jsonschema's error and its subject → a sentence


MOST_PARAM_CHARACTERS = 200  # a name that somebody made up may have a megabyte


class Violation(NamedTuple):
    code: str
    message: str
    param: str | None = None


def _violation(code: str, message: str, param: str | None) -> Violation:
    return Violation(code, message, param and shortened(param, MOST_PARAM_CHARACTERS))


def violations(error: Any, whole: str) -> Iterator[Violation]:
    """What one of jsonschema's errors means; `whole`: what the value itself is called ("The body")."""
    param = path_of(error.absolute_path)
    if error.validator in ("required", "dependentRequired"):
        for name in _missing(error):
            full = joined(param, name)
            yield _violation("missing_field", f"The field {quoted(full)} is missing.", full)
        return
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        for name in sorted(set(error.instance) - set(known)):  # a generator: who wants the first makes no others
            full = joined(param, name)
            yield _violation("unknown_field", _unknown(full, known), full)
        return
    if "propertyNames" in error.absolute_schema_path:
        where = f"The key {quoted(error.instance)} in {quoted(param)}" if param else f"The key {quoted(error.instance)}"
    else:
        where = f"The field {quoted(param)}" if param else whole
    sentence = _SENTENCES.get(error.validator, _must_be)
    yield _violation("invalid_field", sentence(error, where), param or None)


def _unknown(name: str, known: list[str]) -> str:
    return f"Unknown field {quoted(name)}: leave it out. Known fields: {', '.join(known) or 'none'}."


def _missing(error: Any) -> list[str]:
    if error.validator == "required":
        return [name for name in error.validator_value if name not in error.instance]
    needed = (names for name, names in error.validator_value.items() if name in error.instance)
    return [name for names in needed for name in names if name not in error.instance]


def _must_be(error: Any, where: str) -> str:
    return f"{where} must be {what_it_must_be(error.schema)}, not {shown(error.instance)}."


def _too_long(error: Any, where: str) -> str:
    return f"{where} has {len(error.instance)} characters, the most is {error.validator_value}: shorten it."


def _too_short(error: Any, where: str) -> str:
    return f"{where} must not be empty." if not error.instance else _must_be(error, where)


def _does_not_match(error: Any, where: str) -> str:
    if error.validator_value in (VISIBLE, f"^$|{VISIBLE}") and is_blank(error.instance):
        return f"{where} is blank: there is nothing in it that can be seen."
    return _must_be(error, where)


def _too_many_pairs(error: Any, where: str) -> str:
    if error.validator_value == 0:
        return _must_be(error, where)
    return f"{where} has {len(error.instance)} entries, the most is {error.validator_value}."


def _bad_name(error: Any, where: str) -> str:
    return f"{where} has a key that is not allowed: each must be {what_it_must_be(error.validator_value)}."


def _not(error: Any, where: str) -> str:
    names = [quoted(name) for name in error.validator_value.get("required", [])]
    return f"{where} must not have {' and '.join(names)} at once." if names else _must_be(error, where)


_SENTENCES: Mapping[str, _Sentence] = {
    "maxLength": _too_long,
    "minLength": _too_short,
    "pattern": _does_not_match,
    "maxProperties": _too_many_pairs,
    "propertyNames": _bad_name,
    "not": _not,
}


def what_it_must_be(schema: Mapping[str, Any]) -> str:
    """A part of a schema as the end of "It must be …"."""
    if "description" in schema:
        return str(schema["description"])
    if "const" in schema:
        return shown(schema["const"])
    if "enum" in schema:
        return _either([shown(value) for value in schema["enum"]])
    types = schema.get("type", "string")  # a rule of names says no type: they are strings
    return _either([_of_type(one, schema) for one in ([types] if isinstance(types, str) else types)])


def _of_type(name: str, schema: Mapping[str, Any]) -> str:
    if name == "string":
        return "a string" + _range(schema, "Length", "of {} characters")
    if name in ("integer", "number"):
        return ("a whole number" if name == "integer" else "a number") + _range(schema, "imum", "{}")
    if name == "array":
        return "a list" + _range(schema, "Items", "of {}")
    return {"boolean": "true or false", "null": "null"}.get(name, "an object")


def _range(schema: Mapping[str, Any], ending: str, form: str) -> str:
    """` from 1 to 100`, ` of 1 to 256 characters`, ` of at most 4`."""
    least, most = schema.get("min" + ending), schema.get("max" + ending)
    if least is None and most is None:
        return ""
    if least is not None and most is not None:
        between = f"from {least} to {most}" if ending == "imum" else f"{least} to {most}"
    else:
        between = f"at most {most}" if least is None else f"at least {least}"
        between = f"of {between}" if ending == "imum" else between
    return " " + form.format(between)


def _either(phrases: list[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} or {phrases[-1]}"
