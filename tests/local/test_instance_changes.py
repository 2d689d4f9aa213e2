"""Who stands in for EC2's machine room hears of a launch and of a termination, and need not ask all the time."""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable

import httpx
import pytest

from local.emulator import Emulator
from local.patches.instance_changes import PATH, WAIT_S

pytestmark = pytest.mark.cloud


def change(emulator: Emulator, since: int = 0) -> int:
    answer = httpx.get(f"{emulator.url}{PATH}", params={"since": since}, timeout=300, trust_env=False)
    return int(answer.raise_for_status().json()["change"])


def heard(emulator: Emulator, act: Callable[[], object]) -> bool:
    """Whether somebody who waits hears of it. Somebody who hears nothing is told the old number, after a second."""
    last, numbers = change(emulator), []
    waiting = threading.Thread(target=lambda: numbers.append(change(emulator, last)))
    waiting.start()
    act()
    waiting.join(WAIT_S + 10)
    return numbers != [last]


def test_a_launch_and_a_termination_are_heard_and_a_look_is_not(emulator: Emulator) -> None:
    ec2 = emulator.client("ec2")
    bought: list[str] = []

    def launch() -> None:
        made = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, InstanceType="g6.xlarge")
        bought.append(made["Instances"][0]["InstanceId"])

    assert heard(emulator, launch)
    assert heard(emulator, lambda: ec2.terminate_instances(InstanceIds=bought))
    assert not heard(emulator, ec2.describe_instances)


def test_what_happened_before_the_question_is_not_missed(emulator: Emulator) -> None:
    ec2, last = emulator.client("ec2"), change(emulator)
    made = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, InstanceType="g6.xlarge")
    ec2.terminate_instances(InstanceIds=[made["Instances"][0]["InstanceId"]])
    assert change(emulator, last) > last


def test_emulator_still_tells_nobody(unpatched: Emulator) -> None:
    """The day this fails, the emulator does it itself: delete the patch."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{unpatched.url}{PATH}")
    refused.value.close()
