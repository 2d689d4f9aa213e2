"""What docs/costs.md says of a boot's length: the sums are right, the limits and the first guess follow from them."""

import re

from foreverus.batches.plan.estimates import ASSUMED_BOOT_S
from tests.template.template import ROOT, parameter_defaults

PAGE = (ROOT / "docs/costs.md").read_text()
Range = tuple[int, int]


def ranges(row: str) -> tuple[Range, Range]:
    """First boot, later boots: the second and the third column, in seconds."""
    first, later = (re.fullmatch(r"\**(\d+)–(\d+)\**", cell.strip()) for cell in row.split("|")[2:4])
    assert first and later, row
    return (int(first[1]), int(first[2])), (int(later[1]), int(later[2]))


ROWS = PAGE.split("<!-- boot: the sums are checked -->")[1].split("<!-- end of boot -->")[0].strip().splitlines()[2:]
*STEPS, SUM = map(ranges, ROWS)


def test_the_sums_are_right() -> None:
    for column in (0, 1):
        low, high = (sum(step[column][end] for step in STEPS) for end in (0, 1))
        assert SUM[column] == (low, high)


def test_limits_and_first_guess_follow_from_the_estimate() -> None:
    (low, high), (_, later) = SUM
    assert low < ASSUMED_BOOT_S < high and later < high
    assert high * 1.4 < int(parameter_defaults()["BootTimeoutSeconds"])
    launch, package = STEPS[0][0], STEPS[1][0]
    installation_s = 20
    assert 2 * (launch[1] + package[1] + installation_s) < int(parameter_defaults()["BootHeartbeatSeconds"])
