"""What the host takes from user data, and that it refuses to boot a machine that would not boot on AWS."""

import base64

import pytest

from local.instances.user_data import Boot, UserDataBroken, parse, parse_env

WHOLE = """#cloud-config
bootcmd:
  - [systemd-run, --on-active=36000s, systemctl, poweroff]
write_files:
  - path: /etc/foreverus/worker.env
    content: |
      # what the worker needs
      TABLE_NAME=foreverus
      MODEL_ID="mistral-7b"
      CHAT_QUEUE_URL=http://localhost:4566/000000000000/chat.fifo?a=b
  - path: /opt/foreverus/fetch
    encoding: b64
    content: {fetch}
"""
FETCH = base64.b64encode(b"aws lambda get-function --function-name 'foreverus-api' --output text").decode()


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_machine_takes_environment_package_and_timer() -> None:
    assert parse(encode(WHOLE.format(fetch=FETCH))) == Boot(
        worker={
            "TABLE_NAME": "foreverus",
            "MODEL_ID": "mistral-7b",
            "CHAT_QUEUE_URL": "http://localhost:4566/000000000000/chat.fifo?a=b",
        },
        function="foreverus-api",
        power_off_after_s=36000,
    )


@pytest.mark.parametrize(
    ("removed", "missing"),
    [("--on-active=36000s", "bootcmd"), ("/etc/foreverus/worker.env", "worker.env"), (FETCH, "--function-name")],
)
def test_user_data_without_a_part_does_not_boot(removed: str, missing: str) -> None:
    with pytest.raises(UserDataBroken, match=missing):
        parse(encode(WHOLE.format(fetch=FETCH).replace(removed, "bm90aGluZw==")))


def test_timer_outside_bootcmd_does_not_count() -> None:
    late = WHOLE.format(fetch=FETCH).replace("bootcmd:", "runcmd:")
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
