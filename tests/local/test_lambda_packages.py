"""The same archive is unpacked once for all functions that have it."""

import json

import pytest

from local.emulator import Emulator
from tests.local.machines import make_function

pytestmark = pytest.mark.cloud

SOURCE = """
import os

def handler(event, context):
    return os.path.realpath(__file__)
"""


def places(emulator: Emulator) -> list[str]:
    """Where two functions of one archive find their code."""
    arns = [make_function(emulator, SOURCE) for _ in range(2)]
    answers = [emulator.client("lambda").invoke(FunctionName=arn) for arn in arns]
    return [str(json.loads(answer["Payload"].read())) for answer in answers]


def test_functions_of_one_archive_share_its_code(emulator: Emulator) -> None:
    first, second = places(emulator)
    assert first == second


def test_emulator_still_unpacks_it_for_each(unpatched: Emulator) -> None:
    """The day this fails, the emulator does it itself: delete the patch."""
    first, second = places(unpatched)
    assert first != second
