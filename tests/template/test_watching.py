"""The dashboard and the alarms: each metric is one that the code says, or AWS of a resource of ours; nothing is paid
that the pages do not say."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from foreverus.doctor.names import ALARM_PAGES, ALARMS
from foreverus.doctor.records import BOUND_MINUTES
from foreverus.metric_definitions import METRICS, NAMESPACE, VALUES, Dimension, Name, RequestKind, billed
from foreverus.metrics import Metrics
from tests import insights
from tests.template.template import ROOT, resolve, resources, template

KNOWN = {
    "AWS::StackName": "foreverus",
    "AWS::Region": "us-east-1",
    "AWS::Partition": "aws",
    "AWS::AccountId": "0",
    "BedrockModelId": "a-model",
}
FREE_ALARM_METRICS, FREE_WIDGET_METRICS = 10, 50
# By namespace: the dimension, and what of ours it may name. AWS/Billing is the account's own, where it is switched on.
OF_AWS = {
    "AWS/Lambda": ("FunctionName", "AWS::Serverless::Function"),
    "AWS/States": ("StateMachineArn", "AWS::Serverless::StateMachine"),
    "AWS/SQS": ("QueueName", "AWS::SQS::Queue"),
    "AWS/Events": ("RuleName", "AWS::Events::Rule"),
}


def alarms() -> dict[str, dict[str, Any]]:
    return {name: resolve(one, KNOWN) for name, one in resources("AWS::CloudWatch::Alarm").items()}


def widgets() -> list[dict[str, Any]]:
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(resolve(dashboard["DashboardBody"], KNOWN))["widgets"]
    return found


def of_alarm(alarm: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    for one in [alarm, *(each["MetricStat"]["Metric"] for each in alarm.get("Metrics", ()) if "MetricStat" in each)]:
        if "MetricName" in one:
            yield one["Namespace"], one["MetricName"], {each["Name"]: each["Value"] for each in one["Dimensions"]}


def of_widget(widget: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    for one in widget["properties"].get("metrics", ()):
        if isinstance(one[0], str):
            namespace, name, *rest = one
            where = [each for each in rest if isinstance(each, str)]
            yield namespace, name, dict(zip(where[::2], where[1::2], strict=True))


def check(namespace: str, name: str, where: dict[str, str]) -> None:
    if namespace == NAMESPACE:
        definition = METRICS[Name(name)]
        assert tuple(where) == definition.dimensions and not definition.optional, name
        for dimension, value in where.items():
            known = ("foreverus",) if dimension == Dimension.STACK else VALUES[Dimension(dimension)]
            assert value in known
    elif namespace == "AWS/Bedrock":
        assert where == {"ModelId": "a-model"}
    elif namespace == "AWS/Billing":
        assert (name, where) == ("EstimatedCharges", {"Currency": "USD"})
    else:
        dimension, kind = OF_AWS[namespace]
        (value,) = [value for key, value in where.items() if key == dimension]
        owner = value.removeprefix("the-").partition(".")[0]
        assert template()["Resources"][owner]["Type"] == kind


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarms_metric_is_said_by_the_code_or_is_aws_of_a_resource_of_ours(name: str) -> None:
    found = list(of_alarm(alarms()[name]))
    assert found
    for one in found:
        check(*one)


@pytest.mark.parametrize("number", range(len(widgets())))
def test_a_widgets_metric_is_said_by_the_code_or_is_aws_of_a_resource_of_ours(number: int) -> None:
    for one in of_widget(widgets()[number]):
        check(*one)


def test_the_dashboard_is_read_from_top_to_bottom_and_is_free() -> None:
    titles = [
        re.findall(r"^#+ (.+)", one["properties"]["markdown"], re.M) for one in widgets() if one["type"] == "text"
    ]
    assert [title for one in titles for title in one] == [
        "foreverus: is it well?",
        "What is on",
        "How fast",
        "What does it cost",
        "What failed last",
    ]
    tops = [one["y"] for one in widgets()]
    assert tops == sorted(tops) and all(one["x"] + one["width"] <= 24 for one in widgets())
    assert sum(len(list(of_widget(one))) for one in widgets()) <= FREE_WIDGET_METRICS
    assert len(resources("AWS::CloudWatch::Dashboard")) == 1


def test_the_dashboard_shows_each_of_our_metrics_and_each_alarm() -> None:
    shown = {name for one in widgets() for namespace, name, _ in of_widget(one) if namespace == NAMESPACE}
    assert shown == {name for name, one in METRICS.items() if not one.optional}
    (lights,) = [one for one in widgets() if one["type"] == "alarm"]
    assert sorted(lights["properties"]["alarms"]) == sorted(f"the-{name}.Arn" for name in ALARMS)


@pytest.mark.parametrize("number", [at for at, one in enumerate(widgets()) if one["type"] == "log"])
def test_a_table_of_the_logs_reads_groups_of_ours_and_fields_that_are_said(number: int) -> None:
    query = widgets()[number]["properties"]["query"]
    sources = re.findall(r"SOURCE '([^']+)'", query)
    groups = {f"the-{name}" for name in resources("AWS::Logs::LogGroup")}
    assert sources and set(sources) <= groups
    source = "".join((ROOT / f"src/foreverus/{name}.py").read_text() for name in ("metrics", "metric_definitions"))
    for field in re.findall(r"(?:avg|max|sum|ispresent)\((\w+)\)", query):
        assert field in set(Name) or f'"{field}"' in source, field


def test_alarms_cost_what_the_page_says() -> None:
    looked_at = sum(len(list(of_alarm(one))) for one in alarms().values())
    assert len(alarms()) <= 10
    page = (ROOT / "docs/costs.md").read_text(encoding="utf-8").split("<!-- watching")[1].split("<!-- end")[0]
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:]]
        for cells in (line.split("|") for line in page.splitlines())
        if len(cells) > 3
    }
    (ours,) = [row for what, row in rows.items() if what.startswith("metrics of our own")]
    (theirs,) = [row for what, row in rows.items() if what.startswith("metrics that alarms")]
    (more,) = [row for what, row in rows.items() if what.startswith("`MoreMetrics")]
    assert (int(ours[0]), int(theirs[0])) == (billed(), looked_at)
    assert float(theirs[1].split(":")[0]) == pytest.approx(0.10 * (looked_at - FREE_ALARM_METRICS))
    assert int(more[0].split()[0]) == billed(more=True) - billed()


@pytest.mark.parametrize("name", sorted(alarms()))
def test_an_alarm_tells_people_and_names_its_page(name: str) -> None:
    alarm = alarms()[name]
    assert alarm["AlarmActions"] == ["the-Topic"]
    assert alarm["AlarmDescription"].endswith(f"See {ALARM_PAGES}, {name}.")


def test_the_bound_is_that_of_the_runbook() -> None:
    assert alarms()["InstanceTooOld"]["Threshold"] == BOUND_MINUTES


def test_errors_of_each_backend_are_a_figure() -> None:
    """Of lines as the code says them, and without a metric that is paid for."""
    (widget,) = [one for one in widgets() if one["properties"].get("title") == "Failed of asked, %, by backend"]
    query = re.sub(r"SOURCE '[^']+' \| ", "", widget["properties"]["query"])
    said: list[str] = []
    metrics = Metrics("foreverus", source="test", write=said.append)
    metrics.lines("gpu", {"": 7, "engine_failed": 1})
    metrics.answer("gpu", RequestKind.CHAT, 0.1, 1.0)
    metrics.answer("gpu", RequestKind.API, None, None, "engine_failed")
    for error in ("throttled", "", "", ""):
        metrics.answer("bedrock", RequestKind.CHAT, 0.1, 1.0, error)
    metrics.session(3, 5)
    rows = [insights.row(line, "group", "stream", at) for at, line in enumerate(said)]
    found = {one["backend"]: one["failed_percent"] for one in insights.run(query, rows)}
    assert found == {"gpu": 20.0, "bedrock": 25.0}
