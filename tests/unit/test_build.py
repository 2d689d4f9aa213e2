"""What is built for the laptop's cloud."""

import json
from pathlib import Path

import pytest

from local import deploy
from local.processes import Failed
from local.state import State

FUNCTION = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "ApiFunction"}}


@pytest.mark.parametrize("name", ["MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES"])
def test_the_make_of_a_build_is_not_told_what_an_outer_one_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "n")  # of `make -n`: the build would only say what it does
    assert name not in deploy.sam_environment(State(tmp_path))


def test_a_build_that_left_nothing_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "ApiFunction").mkdir()
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": {"ApiFunction": FUNCTION}}))
    with pytest.raises(Failed, match=r"left nothing in .*ApiFunction"):
        deploy.pack(template)
