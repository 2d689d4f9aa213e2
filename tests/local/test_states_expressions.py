"""An expression fails when it takes long, and not when the machine does something else for long."""

import subprocess

import pytest

from local.emulator import INTERPRETER, ROOT

# Under the emulator's interpreter, on a clock on which an hour of other work lies between any two looks at it.
PROGRAM = """
import itertools, sys, time
from local.patches import Options, states_expressions
from ministack.services import stepfunctions

if sys.argv[1] == "patched":
    states_expressions.apply(Options())
hours = itertools.count(0, 3600)
time.time = lambda: next(hours)
try:
    print(stepfunctions._evaluate_jsonata(sys.argv[2], {"n": 3}))
except stepfunctions._ExecutionError as error:
    print(error.error, error.cause)
"""
ENDLESS = "($f := function($n) { $f($n + 1) }; $f(0))"
TOO_LONG = "States.QueryEvaluationError D1012"


def evaluated(how: str, expression: str) -> str:
    command = [INTERPRETER, "-c", PROGRAM, how, expression]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(("expression", "value"), [("$states.input.n + 1", "4"), ("$sum([1..3])", "6")])
def test_short_expression_has_its_value_on_a_busy_machine(expression: str, value: str) -> None:
    assert evaluated("patched", expression) == value


def test_endless_expression_fails() -> None:
    assert evaluated("patched", ENDLESS).startswith(TOO_LONG)


def test_emulator_still_fails_a_short_expression_on_a_busy_machine() -> None:
    assert evaluated("as it is", "$sum([1..3])").startswith(TOO_LONG)
