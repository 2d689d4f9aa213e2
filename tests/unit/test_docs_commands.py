"""The commands that the pages tell people to type are ones that the AWS CLI and SAM understand."""

import re
import shlex
from pathlib import Path

import boto3
import pytest
from botocore import xform_name
from samcli.cli.types import CfnParameterOverridesType

from tests.aws_models import service
from tests.template.template import template

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("README*.md"), *ROOT.glob("docs/*.md")])
NOT_OF_AN_API = {"s3", "configure"}  # the CLI's own commands
RENAMED = {"sns subscribe": {"notification-endpoint"}}  # the CLI's own names, where the API's mean something else to it
OF_EVERY_COMMAND = {"region", "query", "output", "profile", "cli-binary-format"}


def commands(text: str, begin: str) -> list[list[str]]:
    """Each command of a page that begins so, as a shell would split it: in code blocks, and in backticks."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    without = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    lines += [" ".join(found.split()) for found in re.findall(r"(?<!`)`([^`]+)`(?!`)", without)]
    starts = re.compile(rf"(?:^|[\s(]){re.escape(begin)} ")
    found = []
    for line in lines:
        for start in starts.finditer(line):
            rest = re.sub(r"<([\w ]+)>", "NAME", line[start.end() :])
            rest = re.split(r" > | \| (?![^']*')|\); do|; done", rest)[0]
            found.append(shlex.split(rest, comments=True))
    return found


AWS = [(page.name, words) for page in PAGES for words in commands(page.read_text(encoding="utf-8"), "aws")]
OVERRIDES = [
    (page.name, words)
    for page in PAGES
    for words in commands(page.read_text(encoding="utf-8"), "--parameter-overrides")
]


def unknown(words: list[str]) -> list[str]:
    """What the AWS CLI would not understand in `aws <words>`."""
    name, wanted = words[0], words[1] if len(words) > 1 else ""
    if name in NOT_OF_AN_API:
        return []
    if name not in boto3.Session().get_available_services():
        return [f"no service {name}"]
    operations = {xform_name(one, "-"): one for one in service(name).operation_names}
    if wanted not in operations:
        return [f"no operation {name} {wanted}"]
    shape = service(name).operation_model(operations[wanted]).input_shape
    known = {xform_name(one, "-") for one in (shape.members if shape else ())} | OF_EVERY_COMMAND
    known |= RENAMED.get(f"{name} {wanted}", set())
    known |= {f"no-{one}" for one in known}
    return [one for one in words if one.startswith("--") and one[2:] not in known]


@pytest.mark.parametrize(("page", "words"), AWS, ids=lambda one: one if isinstance(one, str) else " ".join(one)[:60])
def test_aws_knows_each_command(page: str, words: list[str]) -> None:
    assert unknown(words) == [], page


@pytest.mark.parametrize(
    "command",
    ["ec2 deregister-images --image-id x", "ec3 describe-instances", "ec2 deregister-image --delete-associated-snaps"],
)
def test_one_that_aws_does_not_know_is_seen(command: str) -> None:
    assert unknown(command.split())


def test_commands_are_found_in_blocks_and_between_words() -> None:
    assert {"README.md", "README.pt-BR.md", "runbook.md", "deleting.md"} <= {page for page, _ in AWS}
    assert len(AWS) > 30


@pytest.mark.parametrize(("page", "words"), [one for one in AWS if "--payload" in one[1]], ids=str)
def test_a_payload_is_given_as_it_is(page: str, words: list[str]) -> None:
    """Version 2 of the AWS CLI takes a payload for base64 otherwise, and refuses ours."""
    at = words.index("--cli-binary-format")
    assert words[at + 1] == "raw-in-base64-out", page


@pytest.mark.parametrize(("page", "words"), OVERRIDES, ids=str)
def test_sam_takes_each_parameter_as_it_is_written(page: str, words: list[str]) -> None:
    """SAM splits what a shell has left together at spaces, unless it is in quotes of its own."""
    if not words or "=" not in words[0]:
        return
    given = [word.strip("[]") for word in words if re.match(r"[A-Z]\w+=", word)]
    found = CfnParameterOverridesType().convert(tuple(given), None, None)
    for word in given:
        name, value = word.split("=", 1)
        value = value.strip('"')
        assert found[name] == value, page
        if value not in ("NAME", "…"):
            parameter = template()["Parameters"][name]
            assert re.search(parameter.get("AllowedPattern", ""), value), page
            assert value in parameter.get("AllowedValues", [value]), page


def test_parameters_with_spaces_are_among_them() -> None:
    assert any(" " in word for _, words in OVERRIDES for word in words)
