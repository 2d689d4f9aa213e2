"""JSON Schemas of everything that comes in, and the one check that turns a violation into a clear error."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from foreverus import strict_json
from foreverus.errors import InvalidRequest

# Of a longer text one error is told, the first: to find them all takes 20 µs a value, of a megabyte a minute.
LONG_BYTES = 16_384
# fastjsonschema passes over a keyword that it does not know: these schemas have one, `dependentRequired`.
NOT_QUICK = frozenset({"store_results"})


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema in `<name>.json` of this folder."""
    text = (files(__package__) / f"{name}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@cache
def validator(name: str) -> Any:
    """The compiled schema, for those who want every error (`iter_errors`)."""
    from jsonschema import Draft202012Validator  # 60 ms to import: not needed before the first body arrives
    from jsonschema.validators import extend

    return extend(Draft202012Validator, {"pattern": _pattern})(schema(name))


def _pattern(of: Any, pattern: str, value: Any, part: Any) -> Iterator[Any]:
    """As JSON Schema means it, and `quick_check` and the page read it: `$` is the end. Python's is also the place
    before a last line break, which a number, a window or a checksum with one would get past."""
    from jsonschema.exceptions import ValidationError

    exact = re.sub(r"(?<!\\)\$(?=[|)]|\Z)", r"\\Z", pattern)
    if isinstance(value, str) and not re.search(exact, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


@dataclass(frozen=True, slots=True)
class FirstError:
    """What a value breaks first, with the names that jsonschema's errors have."""

    validator: str
    validator_value: Any
    instance: Any
    schema: Mapping[str, Any]
    absolute_path: tuple[str | int, ...]
    absolute_schema_path: tuple[str, ...] = ()


@cache
def first_error(name: str) -> Callable[[Any], FirstError | None]:
    """What a value breaks first; None: it fits the schema. In a twentieth of the validator's time: for many values, and
    for large ones."""
    from fastjsonschema import JsonSchemaValueException, compile  # with compiling 17 ms

    # Without its details (`detailed_exceptions=False`) it fails on `const`. A default would be written into the value.
    compiled = compile(schema(name), use_default=False)

    def look(value: Any) -> FirstError | None:
        try:
            compiled(value)
        except JsonSchemaValueException as err:
            path = tuple(int(part) if part.isdigit() else part for part in err.path[1:])
            return FirstError(str(err.rule), err.rule_definition, err.value, err.definition, path)
        return None

    return look


def check(name: str, value: Any, size: int = 0) -> Any:
    """Returns `value` if it fits the schema; raises InvalidRequest that names the field and what it must be. `size`: of
    the text that it was read from, in bytes."""
    error: Any = None
    if name not in NOT_QUICK and (error := first_error(name)(value)) is None:
        return value  # nearly every value: with jsonschema, which knows the best reason, a cold start takes 25 ms more
    from foreverus.api.violations import violations

    if size <= LONG_BYTES or error is None:
        from jsonschema.exceptions import best_match

        error = best_match(validator(name).iter_errors(value))
    if error is None:
        return value
    first = next(violations(error, "The body"))
    raise InvalidRequest(first.message, param=first.param, code=first.code)


def parse(name: str, body: str | bytes | None) -> Any:
    """Reads a JSON body (empty: `{}`) and checks it. Raises InvalidRequest."""
    try:
        value = strict_json.read(body.encode() if isinstance(body, str) else body) if body else {}
    except UnicodeEncodeError as err:  # API Gateway's event may hold what no UTF-8 can
        message = f"The body is not UTF-8 text: character {err.start + 1} is half of one."
        raise InvalidRequest(message, code="invalid_json") from err
    except strict_json.NotJson as err:
        raise InvalidRequest(f"The body {err}.", param=err.param, code="invalid_json") from err
    return check(name, value, len(body or ""))
