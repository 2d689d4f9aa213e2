"""What the host takes from user data, and that it refuses to boot a machine that would not boot on AWS."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.instances.user_data import Boot, UserDataBroken, parse, parse_env

WHOLE = """#cloud-config
bootcmd:
  - [systemd-run, --no-block, "--on-active=36000s 480s", systemctl, poweroff]
write_files:
  - path: /etc/foreverus/worker.env
    content: |
      # what the worker needs
      TABLE_NAME=foreverus
      MODEL_ID="mistral-7b"
      CHAT_QUEUE_URL=http://localhost:4566/000000000000/chat.fifo?a=b
      DATA_BUCKET=data
  - path: /etc/foreverus/machine.env
    encoding: b64
    content: {machine}
"""
PACKAGE = {"PACKAGE_KEY": "worker/0a.zip", "PACKAGE_SHA256": "0a"}
MACHINE = base64.b64encode("\n".join(f"{name}={value}" for name, value in PACKAGE.items()).encode()).decode()


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_machine_takes_environment_package_and_timer() -> None:
    boot = parse(encode(WHOLE.format(machine=MACHINE)))
    assert boot == Boot(
        worker={
            "TABLE_NAME": "foreverus",
            "MODEL_ID": "mistral-7b",
            "CHAT_QUEUE_URL": "http://localhost:4566/000000000000/chat.fifo?a=b",
            "DATA_BUCKET": "data",
        },
        machine=PACKAGE,
        power_off_after_s=36480,  # systemd adds spans up
    )
    assert boot.package == ("data", "worker/0a.zip", "0a")


@pytest.mark.parametrize(
    ("removed", "missing"),
    [
        ("--on-active=36000s 480s", "bootcmd"),
        ("/etc/foreverus/worker.env", "worker.env"),
        (MACHINE, "PACKAGE_KEY"),
        ("DATA_BUCKET", "DATA_BUCKET"),
    ],
)
def test_user_data_without_a_part_does_not_boot(removed: str, missing: str) -> None:
    with pytest.raises(UserDataBroken, match=missing):
        parse(encode(WHOLE.format(machine=MACHINE).replace(removed, "bm90aGluZw==")))


def test_time_span_that_is_not_in_seconds_is_named() -> None:
    with pytest.raises(UserDataBroken, match="10h"):
        parse(encode(WHOLE.format(machine=MACHINE).replace("36000s 480s", "10h")))


def test_timer_outside_bootcmd_does_not_count() -> None:
    late = WHOLE.format(machine=MACHINE).replace("bootcmd:", "runcmd:")
    with pytest.raises(UserDataBroken, match="bootcmd"):
        parse(encode(late))


def test_shell_script_is_not_a_cloud_config() -> None:
    with pytest.raises(UserDataBroken, match="cloud-config"):
        parse(encode("#!/bin/sh\necho hello\n"))


def test_environment_lines_are_read_as_systemd_reads_them() -> None:
    assert parse_env("# comment\n; comment\n\nA=1\nB='two words'\nC=\nD=a=b\nbroken\n") == {
        "A": "1",
        "B": "two words",
        "C": "",
        "D": "a=b",
    }


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short tags as plain values: this test needs none of them."""


def _plain(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


Template.add_multi_constructor("!", _plain)


def test_launch_template_boots_on_the_laptop() -> None:
    """The template's own user data, with its parameters' defaults where it refers to them."""
    template = yaml.load((Path(__file__).resolve().parents[2] / "template.yaml").read_text(), Template)
    data = template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    text = data["UserData"]["Fn::Base64"]["Fn::Sub"][0]
    defaults = {name: str(parameter.get("Default", "x")) for name, parameter in template["Parameters"].items()}
    boot = parse(
        encode(re.sub(r"\$\{([A-Za-z0-9:.]+)\}", lambda name: defaults.get(name[1], name[1].split(":")[-1]), text))
    )
    assert boot.package == ("DataBucket", "WorkerPackage.Key", "WorkerPackage.Sha256")
    assert boot.power_off_after_s == int(defaults["MaxSessionSeconds"]) + int(defaults["BootTimeoutSeconds"])
    assert int(boot.worker["ENGINE_SLOTS"]) and int(boot.worker["CONTEXT_TOKENS"]) and boot.worker["MODEL_ID"]
