"""What a stack costs that nobody uses: the README's table, held by what the template has and the sweeps do."""

import re
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from foreverus.costs import database
from foreverus.handlers import erase_people, export_data, reap_gpus, store_results, sweep
from tests.unit.conftest import Aws

ROOT = Path(__file__).parents[3]
RUNS_A_MONTH = 30 * 24 * 60 // 5  # of each function, every five minutes
USD_PER_MILLION_READ_UNITS = 0.125  # DynamoDB on-demand, us-east-1, https://aws.amazon.com/dynamodb/pricing/on-demand
TABLES = ("README.md", "README.pt-BR.md")


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


def test_idle_sweeps_cost_what_the_readme_says(reads: list[str]) -> None:
    for handler in (sweep.handler, reap_gpus.handler, store_results.handler, erase_people.handler, export_data.handler):
        handler({}, Context())
    assert reads and set(reads) <= {"Query", "GetItem"}, "an idle sweep writes nothing"
    # A consistent read of up to 4 KB is one unit, whether it finds something or not.
    usd = len(reads) * RUNS_A_MONTH * USD_PER_MILLION_READ_UNITS / 1e6
    for page in TABLES:
        (said,) = row(page, "read units")
        (units,) = [int(re.sub(r"\D", "", one)) for one in re.findall(r"[\d.,]+(?= read units)", text(page))]
        assert abs(units - len(reads) * RUNS_A_MONTH) < 10_000, (
            f"{len(reads)} reads a round; {page} says {units} a month"
        )
        assert usd <= said < usd + 0.01, f"{len(reads)} reads a round are US$ {usd:.4f} a month; {page} says {said}"


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
