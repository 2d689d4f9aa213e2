"""AWS's own description of its APIs, as botocore has it: does a request keep to it?

botocore checks names, types and minima itself before it sends, and nothing else; here are enums, maxima and patterns
too. `watch()` does it for each request that our code makes while tests run, whatever answers it: an emulator that takes
what AWS refuses would hide the mistake.
"""

import functools
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.handlers
import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

SOURCE = str(Path(__file__).resolve().parents[1] / "src" / "foreverus")

# Found since a test last asked: `wrong` in the words of `problems`, and where it was called.
wrong: list[str] = []


@dataclass(frozen=True)
class AwsCall:
    service: str
    operation: str
    parameters: dict[str, Any]


_records: list[list[AwsCall]] = []


@functools.cache
def service(name: str) -> ServiceModel:
    session = botocore.session.Session()
    return ServiceModel(session.get_component("data_loader").load_service_model(name, "service-2"), name)


def problems(operation: OperationModel, parameters: dict[str, Any]) -> list[str]:
    """What AWS would refuse in a request, as far as its models say; empty: nothing."""
    where = f"{operation.service_model.service_name}.{operation.name}"
    shape = operation.input_shape
    if shape is None:
        return [f"{where} takes nothing"] if parameters else []
    report = ParamValidator().validate(parameters, shape).generate_report()
    found = report.splitlines() or [*_broken(parameters, shape, "input")]
    return [f"{where}: {one}" for one in found]


def _broken(value: Any, shape: Shape, name: str) -> Iterator[str]:
    """Of a value whose names and types are right."""
    match shape.type_name:
        case "structure":
            for key, inner in value.items():
                yield from _broken(inner, shape.members[key], f"{name}.{key}")
        case "map":
            yield from _too_many(len(value), shape, name)
            for key, inner in value.items():
                yield from _broken(key, shape.key, f"{name} (a key)")
                yield from _broken(inner, shape.value, f"{name}.{key}")
        case "list":
            yield from _too_many(len(value), shape, name)
            for index, inner in enumerate(value):
                yield from _broken(inner, shape.member, f"{name}[{index}]")
        case "string":
            yield from _too_many(len(value), shape, name)
            yield from _not_a_word(value, shape, name)
        case "integer" | "long" | "float" | "double":
            yield from _too_many(value, shape, name)


def _too_many(size: Any, shape: Shape, name: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if most is not None and size > most:
        yield f"{name} is or has {size}, the most is {most}"
    if least is not None and size < least:
        yield f"{name} is or has {size}, the least is {least}"


def _not_a_word(value: str, shape: Shape, name: str) -> Iterator[str]:
    words, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if words and value not in words:
        yield f"{name} is {value!r}, not one of {', '.join(words)}"
    if pattern and not _fits(pattern, value):
        yield f"{name} is {value!r}, which does not match {pattern}"


def _fits(pattern: str, value: str) -> bool:
    """Patterns are Java's: what Python cannot read decides nothing."""
    try:
        return bool(re.fullmatch(pattern, value, re.DOTALL))
    except re.error:
        return True


def watch() -> None:
    """Every client that is made from now on tells what it is asked by our code."""
    handler = ("before-parameter-build", _asked)
    if handler not in botocore.handlers.BUILTIN_HANDLERS:
        botocore.handlers.BUILTIN_HANDLERS.append(handler)


def _asked(params: dict[str, Any], model: OperationModel, **_: Any) -> None:
    caller = _our_caller()
    if caller:
        wrong.extend(f"{one} ({caller})" for one in problems(model, params))
        for calls in _records:
            calls.append(AwsCall(model.service_model.service_name, model.name, dict(params)))


@contextmanager
def recorded() -> Iterator[list[AwsCall]]:
    """What our code asks AWS meanwhile."""
    calls: list[AwsCall] = []
    _records.append(calls)
    try:
        yield calls
    finally:
        _records.remove(calls)


def _our_caller() -> str:
    """The line of src/ that asks; empty: a test or the laptop's cloud does."""
    frame = sys._getframe(1)
    while frame:
        if frame.f_code.co_filename.startswith(SOURCE):
            return f"{Path(frame.f_code.co_filename).relative_to(SOURCE)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
