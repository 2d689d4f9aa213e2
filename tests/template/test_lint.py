"""The linters that AWS gives: sam validate, and cfn-lint on the rendered state machines."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

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


REGIONS = ["us-east-1", "us-west-2", "sa-east-1", "eu-west-1"]


def lint(template: Path) -> list[dict[str, Any]]:
    """What cfn-lint says of a template by the resource schemas of four Regions, warnings too."""
    done = subprocess.run(
        [BIN / "cfn-lint", "--format", "json", "--regions", *REGIONS, "--template", template],
        cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return list(json.loads(done.stdout or "[]"))


def test_four_regions_take_the_template() -> None:
    assert lint(ROOT / "template.yaml") == []


def test_a_property_that_a_schema_does_not_have_is_seen(tmp_path: Path) -> None:
    broken = tmp_path / "template.yaml"
    text = (ROOT / "template.yaml").read_text().replace("BillingMode: PAY_PER_REQUEST", "BillingMode: PAY_A_LOT")
    broken.write_text(text.replace("DefinitionUri: statemachines", f"DefinitionUri: {ROOT}/statemachines"))
    said = [one["Message"] for one in lint(broken)]
    assert any("PAY_A_LOT" in one for one in said), said


def rendered(machine: Definition) -> str:
    """cfn-lint 1.x does not know that JSONata may compute a timeout or a heartbeat, so these become numbers."""
    return re.sub(r'"((?:Timeout|Heartbeat)Seconds)": "\{% [^%]+ %\}"', r'"\1": 1', machine.rendered())


def broken(machine: Definition) -> str:
    states = json.loads(rendered(machine))
    first = states["States"][states["StartAt"]]
    first["Nxet"] = first.pop("Next")
    return json.dumps(states)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What cfn-lint says of each machine, as it is and broken: asked once, because starting it is what takes time.

    It does not open DefinitionUri files, so each definition is put into a template.
    """
    folder = tmp_path_factory.mktemp("machines")
    for machine in ALL:
        for name, text in ((str(machine), rendered(machine)), (f"broken-{machine}", broken(machine))):
            resource = {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/r", "DefinitionString": text},
            }
            template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": resource}}
            (folder / f"{name}.json").write_text(json.dumps(template))
    files = sorted(folder.iterdir())
    done = subprocess.run(
        [BIN / "cfn-lint", "--format", "json", *files], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0, "of the broken ones it says nothing"
    said: dict[str, list[str]] = {file.stem: [] for file in files}
    for one in json.loads(done.stdout):
        said[Path(one["Filename"]).stem].append(one["Message"])
    return said


@pytest.mark.parametrize("machine", ALL, ids=str)
def test_cfn_lint_accepts_the_rendered_machine(machine: Definition, found: dict[str, list[str]]) -> None:
    assert found[str(machine)] == []


@pytest.mark.parametrize("machine", ALL, ids=str)
def test_cfn_lint_would_see_a_broken_machine(machine: Definition, found: dict[str, list[str]]) -> None:
    assert found[f"broken-{machine}"] != []
