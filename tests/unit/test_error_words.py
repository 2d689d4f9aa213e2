"""Each error that the API answers with has a sentence on the page, in both languages, or is said as the API says it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from foreverus import errors
from tests.template.template import template

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "foreverus"
CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")

# Their own message names the field, the part or the parameter, which no sentence could; or only programs meet them.
AS_THE_API_SAYS_IT = {
    *("invalid_field", "invalid_form", "invalid_json", "missing_field", "unknown_field", "unsupported_parameter"),
    *("prompt_rejected", "unknown_route", "route_not_found", "model_not_found", "no_embeddings", "too_many_groups"),
    *("invalid_image", "image_not_fetched"),
    *("part_not_found", "part_too_large", "too_many_parts", "upload_is_over", "upload_not_found", "wrong_size"),
}
# Of sessions: nobody on the page sees them as a reason.
NEVER_SHOWN = {"BootFailedForGood", "GpuSwitchedOff", "SessionNotClaimed", "ImageNotMade", "SessionLost"}


@cache
def trees() -> dict[str, ast.Module]:
    return {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text()) for path in SOURCE.rglob("*.py")}


@cache
def refusals() -> frozenset[str]:
    """The names of all classes that are answered to a client."""
    bases = {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"RequestRejected", "PromptRejected"}
    while more := {name for name, above in bases.items() if found & set(above)} - found:
        found |= more
    return frozenset(found)


@cache
def constants() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, set()).add(str(node.value.value))
    return found


def said(call: ast.Call) -> Iterator[ast.expr]:
    """What may be the code in a call that makes an error."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    yield from (one.value for one in call.keywords if one.arg in ("code", "reason"))
    if name in refusals() or (name == "__init__" and len(call.args) > 1):
        yield from call.args[1:]
    if name == "_violation":
        yield from call.args[:1]


@cache
def codes() -> frozenset[str]:
    found: set[str] = set()
    for tree in trees().values():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            params = {one.value for one in call.keywords if one.arg == "param"}
            for node in (part for one in said(call) if one not in params for part in ast.walk(one)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
                elif isinstance(node, ast.Name):
                    found |= constants().get(node.id, set())
    gateway = template()["Resources"]["Api"]["Properties"]["GatewayResponses"]
    for answer in gateway.values():
        found |= set(re.findall(r'"code": "(\w+)"', answer["ResponseTemplates"]["application/json"]))
    return frozenset(one for one in found if CODE.fullmatch(one))


@cache
def words(language: str) -> frozenset[str]:
    files = (ROOT / "frontend" / "src" / "i18n").glob(f"{language}*.ts")
    return frozenset(re.findall(r'^ *"error\.(\w+)":', "".join(one.read_text() for one in files), re.MULTILINE))


def test_the_walk_finds_the_codes() -> None:
    assert len(codes()) > 50
    assert {"too_many_messages", "gpu_full", "content_filter", "missing_field", "try_again"} <= codes()


@pytest.mark.parametrize("language", ["en", "pt"])
def test_each_code_has_a_sentence_or_says_what_is_wrong_itself(language: str) -> None:
    assert codes() - words(language) - AS_THE_API_SAYS_IT == set()
    assert words(language) & AS_THE_API_SAYS_IT == set()


def test_nothing_is_excused_that_nobody_says_any_more() -> None:
    assert codes() >= AS_THE_API_SAYS_IT


def below(error: type[errors.ForeverUsError]) -> Iterator[str]:
    for one in error.__subclasses__():
        if one.__module__ == errors.__name__:
            yield one.code()
            yield from below(one)


@pytest.mark.parametrize("language", ["en", "pt"])
def test_each_end_of_a_session_has_a_sentence(language: str) -> None:
    assert set(below(errors.SessionError)) - words(language) == NEVER_SHOWN
    assert {"EngineFailed", "SpendCapReached"} <= words(language)


@pytest.mark.parametrize("language", ["en", "pt"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_error_without_a_code_has_the_sentence_of_its_status(language: str, status: int) -> None:
    assert str(status) in words(language)
