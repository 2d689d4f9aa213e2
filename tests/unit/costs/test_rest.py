"""What a stack costs that nobody uses: the README's table, held by what the template has and the sweeps do."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from foreverus.bootstrap import aws as bootstrap
from foreverus.costs import database
from foreverus.costs.forecast import WINDOW
from foreverus.handlers import erase_people, export_data, reap_gpus, store_results, sweep
from tests.unit.conftest import Aws

ROOT = Path(__file__).parents[3]
RUNS_A_DAY = 24 * 60 // 5  # of each function, every five minutes
USD_PER_MILLION_READ_UNITS = 0.125  # DynamoDB on-demand, us-east-1, https://aws.amazon.com/dynamodb/pricing/on-demand
TABLES = ("README.md", "README.pt-BR.md")
SWEEPS = (sweep.handler, reap_gpus.handler, store_results.handler, erase_people.handler, export_data.handler)


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def row(page: str, contains: str) -> list[float]:
    """The figures of the price column of the row that says so."""
    lines = [line for line in text(page).splitlines() if line.startswith("|")]
    (found,) = [line for line in lines if contains in line]
    return [float(figure.replace(",", ".")) for figure in re.findall(r"\d+[.,]\d+", found.split("|")[2])]


class Context:
    """Of an invocation that has time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture
def reads(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each request of DynamoDB that is made."""
    monkeypatch.setenv("DATABASE_CLUSTER_ARN", "arn:aws:rds:us-east-1:123456789012:cluster:none-is-asked")
    monkeypatch.setenv("DATABASE_SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:none-is-asked")
    monkeypatch.setenv("DATABASE_NAME", "foreverus")
    made: list[str] = []

    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counted(self: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        if self.meta.service_model.service_name == "dynamodb":
            made.append(operation)
        return call(self, operation, request)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    return made


def test_idle_sweeps_cost_what_the_readme_says(reads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # While the pace is still one of last month's days, they read that month, too. Once an hour there is one read more.
    early, late = (datetime(2026, 11, day, 12, 7, tzinfo=UTC) for day in (1, 30))
    rounds = {early: WINDOW.days, late: 30 - WINDOW.days}
    now = [early]
    monkeypatch.setattr(bootstrap, "clock", lambda: now[0])
    units, before = 0.0, 0
    for now[0], days in rounds.items():
        for handler in SWEEPS:
            handler({}, Context())
        assert len(reads) > before, "each looks anew"
        # A consistent read of up to 4 KB is one unit, whether it finds something or not.
        units += (len(reads) - before) * RUNS_A_DAY * days
        before = len(reads)
    assert set(reads) <= {"Query", "GetItem"}, "an idle sweep writes nothing"
    usd = units * USD_PER_MILLION_READ_UNITS / 1e6
    for page in TABLES:
        (said,) = row(page, "read units")
        (written,) = [int(re.sub(r"\D", "", one)) for one in re.findall(r"[\d.,]+(?= read units)", text(page))]
        assert abs(written - units) < 10_000, f"{units:.0f} units a month; {page} says {written}"
        assert usd <= said < usd + 0.01, f"{units:.0f} units a month are US$ {usd:.4f}; {page} says {said}"


def test_a_wake_of_the_database_is_reckoned_as_the_template_has_it() -> None:
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    (scaling,) = re.findall(r"ServerlessV2ScalingConfiguration: \{(.+)\}", template)
    said = {name: float(value) for name, value in re.findall(r"(\w+): ([\d.]+)", scaling)}
    assert said == {"MinCapacity": 0, "MaxCapacity": database.MAX_ACU, "SecondsUntilAutoPause": database.PAUSE_SECONDS}


def test_the_stack_keeps_one_secret_and_nothing_rotates_it() -> None:
    """US$ 0.40 a month each (https://aws.amazon.com/secrets-manager/pricing); a rotation wakes Aurora."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert len(re.findall("Type: AWS::SecretsManager::Secret$", template, re.MULTILINE)) == 1
    assert not re.search("^ *ManageMasterUserPassword:|RotationSchedule", template, re.MULTILINE)
    assert [row(page, "Secrets Manager") for page in TABLES] == [[0.40]] * len(TABLES)


def test_the_sum_is_the_sum_and_under_a_dollar() -> None:
    for page in TABLES:
        table = (ROOT / page).read_text(encoding="utf-8").split("### ")
        (section,) = [part for part in table if "Secrets Manager" in part]
        rows = [line for line in section.splitlines() if line.startswith("|") and "---" not in line]
        last = [re.findall(r"\d+[.,]\d+", line.split("|")[2]) for line in rows]
        *parts, total = [float(figures[-1].replace(",", ".")) for figures in last if figures]
        assert sum(parts) <= total + 0.005, f"{page}: {parts} are more than {total}"
        assert total < 1
