"""docs/hosting.md: its sums are those of its prices, its bounds those of the code, its commands there."""

import re
from pathlib import Path

import pytest

from foreverus.serve import application, gateway
from foreverus.serve.__main__ import GRACE_S, _parser
from foreverus.serve.bodies import Bodies

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
HOURS = 730
# Dollars an hour, of us-east-1; a disk's a GB and month.
T3_MICRO, ADDRESS, GP3, BALANCER, VCPU, MEMORY = 0.0104, 0.005, 0.08, 0.0225, 0.04048, 0.004445


def test_the_prices_are_named() -> None:
    for price in (T3_MICRO, ADDRESS, GP3, BALANCER, VCPU, MEMORY):
        assert f" {price}" in PAGE, price


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("**Elastic Beanstalk**", [T3_MICRO * HOURS, ADDRESS * HOURS, GP3 * 10]),
        ("the same with a balancer", [(T3_MICRO + ADDRESS + BALANCER + 2 * ADDRESS) * HOURS + GP3 * 10]),
        ("**ECS on Fargate**", [(VCPU / 4 + MEMORY / 2) * HOURS, ADDRESS * HOURS]),
        ("**Lambda**", [0]),
    ],
)
def test_each_row_is_the_sum_of_its_parts(host: str, parts: list[float]) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {host}")]
    told = re.findall(r"\d+\.\d\d\b", row)
    assert f"US$ {sum(parts):.2f}".removesuffix(".00") in row
    assert len(parts) == 1 or all(f"{part:.2f}" in told for part in parts)


def test_bounds_are_the_codes() -> None:
    api = application.HostedApi
    held = Bodies(application.MOST_BODY_BYTES_HELD, 1).most_bytes >> 20
    assert f"takes {application.MOST_REQUESTS} requests at once, {application.THREADS} of them in work" in PAGE
    assert f"{application.MOST_STREAMS} streams and {held} MiB of bodies" in PAGE
    assert f"for {GRACE_S} s (`--grace`)" in PAGE and f"{api.answer_s:g} s for an answer" in PAGE
    assert f"{gateway.MOST_BODY_BYTES >> 20} MB, Lambda's {gateway.MOST_EVENT_BYTES >> 20} MB" in PAGE


def test_options_and_targets_that_it_names_are_there() -> None:
    known = {option for action in _parser()._actions for option in action.option_strings}
    named = set(re.findall(r"`(--[a-z-]+)`", PAGE)) - {"--for"}
    assert named and named <= known
    assert re.search(r"^beanstalk: install ##", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_files_that_it_names_are_there() -> None:
    for name in re.findall(r"`((?:hosting|containers|tests|src)/[^`]+)`", PAGE):
        assert (ROOT / name).exists(), name
