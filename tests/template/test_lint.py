"""The linters that AWS gives: sam validate, and cfn-lint on the rendered state machines."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.statemachines.definition import ALL, Definition
from tests.template.template import ROOT

BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **os.environ,
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
}


def test_sam_validates_the_template() -> None:
    done = subprocess.run(
        [BIN / "sam", "validate", "--lint"], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def lint_machine(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """cfn-lint does not open DefinitionUri files, so the definition is put into a template."""
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/r", "DefinitionString": text},
    }
    file = folder / "template.json"
    file.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}}))
    return subprocess.run([BIN / "cfn-lint", file], env=ENVIRONMENT, capture_output=True, text=True, check=False)


def rendered(machine: Definition) -> str:
    """cfn-lint 1.x does not know that JSONata may compute a timeout or a heartbeat, so these become numbers."""
    return re.sub(r'"((?:Timeout|Heartbeat)Seconds)": "\{% [^%]+ %\}"', r'"\1": 1', machine.rendered())


@pytest.mark.parametrize("machine", ALL, ids=str)
def test_cfn_lint_accepts_the_rendered_machine(machine: Definition, tmp_path: Path) -> None:
    done = lint_machine(tmp_path, rendered(machine))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("machine", ALL, ids=str)
def test_cfn_lint_would_see_a_broken_machine(machine: Definition, tmp_path: Path) -> None:
    broken = json.loads(rendered(machine))
    first = broken["States"][broken["StartAt"]]
    first["Nxet"] = first.pop("Next")
    assert lint_machine(tmp_path, json.dumps(broken)).returncode != 0
