"""Deleting the stack: what must be ended first, what stays, and nothing that the next deployment would meet."""

import re
from functools import cache
from typing import Any

import pytest

from tests.template.template import ROOT, resources, template
from tests.template.test_updates import at as at_path
from tests.template.test_updates import create_only, is_fixed_name, reached

EVERY: dict[str, dict[str, Any]] = template()["Resources"]
GUIDE = (ROOT / "docs/deleting.md").read_text()
RETAINED = {name for name, one in EVERY.items() if one.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")}
NAMES_MAY_REPEAT = {"AWS::Cognito::UserPool"}  # its name is a label: two pools may have the same


@cache
def needs(name: str) -> frozenset[str]:
    """The resources that it refers to or waits for: CloudFormation deletes them after it."""
    one = EVERY[name]
    waits_for = one.get("DependsOn", [])
    own = {key: value for key, value in one.get("Properties", {}).items() if key != "Events"}  # resources of their own
    named = reached(own, template()) | {*([waits_for] if isinstance(waits_for, str) else waits_for)}
    return frozenset(named & set(EVERY) - {name})


@cache
def deleted_after(name: str) -> frozenset[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        new = needs(todo.pop()) - found
        found |= new
        todo += new
    return frozenset(found)


def test_nothing_waits_for_itself() -> None:
    assert not [name for name in EVERY if name in deleted_after(name)]


@pytest.mark.parametrize(
    "name",
    [
        *("GpuSession", "BatchRun", "GpuSessionRole", "BatchRunRole", "LaunchTemplate", "InstanceRole", "NoLaunches"),
        *("ReapGpusFunction", "CloseSessionFunction", "GpuSecurityGroup", "SubnetA", "Vpc", "InternetRoute", "Table"),
    ],
)
def test_what_a_running_gpu_needs_is_there_until_sessions_are_ended(name: str) -> None:
    assert name in deleted_after("SessionsEnded")


@pytest.mark.parametrize(
    "name",
    [
        *("AbilityRun", "AbilityRunRole", "AbilityTask", "AbilityTaskRole", "AbilityCluster", "AbilityQueue"),
        *("AbilitySecurityGroup", "AbilityTaskStopped", "ReapGpusFunction", "EndSessionsFunction", "InternetRoute"),
    ],
)
def test_what_a_run_of_our_own_container_needs_to_end_goes_after_it_was_ended(name: str) -> None:
    assert name in deleted_after("ContainersEnded")
    assert "ContainersEnded" in deleted_after("SessionsEnded"), "whatever starts runs has gone before"


def test_who_ends_containers_knows_them_without_a_condition() -> None:
    """A deployment that switches them off takes conditional rights away before anything is ended."""
    for name in ("EndSessionsFunction", "ReapGpusFunction"):
        function = EVERY[name]["Properties"]
        for policy in function["Policies"]:
            assert policy.get("Fn::If", [""])[0] != "HasContainers"
        assert "ecs:StopTask" in str(function["Policies"])
        cluster = function["Environment"]["Variables"]["ABILITY_CLUSTER"]["Fn::Sub"]
        assert cluster.endswith(":cluster/" + EVERY["AbilityCluster"]["Properties"]["ClusterName"]["Fn::Sub"])


def starters() -> set[str]:
    """Functions that may start an execution."""
    functions = resources("AWS::Serverless::Function").items()
    return {name for name, one in functions if "states:StartExecution" in str(one.get("Policies"))}


# Called by executions and by their ends only, and those are stopped first of all.
OF_EXECUTIONS = {
    *("CloseSessionFunction", "RunBatchFunction", "AnswerBatchFunction"),
    *("ReapGpusFunction", "StartBakeFunction"),
}


def test_whatever_starts_sessions_by_itself_goes_first() -> None:
    for name in starters() - OF_EXECUTIONS:
        function = EVERY[name]["Properties"]
        apis = {
            event["Properties"]["RestApiId"]["Ref"]
            for event in function.get("Events", {}).values()
            if event["Type"] == "Api"
        }
        gone_first = apis or {name}  # behind an API nobody reaches it any more
        for one in gone_first:
            assert "SessionsEnded" in deleted_after(one), (name, one)
    assert "SessionsEnded" in deleted_after("BudgetAction"), "it could attach its policy again"


def test_every_machine_and_every_instance_is_ended() -> None:
    machines = {
        one["Name"]["Fn::Sub"].removeprefix("${AWS::StackName}")
        for one in resources("AWS::Serverless::StateMachine").values()
    }
    ended = EVERY["EndSessionsFunction"]["Properties"]["Environment"]["Variables"]
    arns = [one["Fn::Sub"] for one in ended.values() if "stateMachine:" in str(one)]
    assert {arn.partition("${AWS::StackName}")[2] for arn in arns} == machines


def test_bucket_that_is_deleted_is_emptied_before() -> None:
    for name, one in EVERY.items():
        if one["Type"] == "AWS::S3::Bucket" and name not in RETAINED:
            assert name in deleted_after("Site") | {"SiteBucket"} and "SiteBucket" in deleted_after("Site")


@pytest.mark.parametrize("name", sorted(RETAINED))
def test_what_stays_does_not_block_the_next_deployment_and_is_in_the_guide(name: str) -> None:
    one = EVERY[name]
    properties = one.get("Properties", {})
    fixed = [p for p in create_only(one["Type"]) if is_fixed_name(p, at_path(properties, p), template())]
    assert not fixed or one["Type"] in NAMES_MAY_REPEAT
    assert one["DeletionPolicy"] == "RetainExceptOnCreate", "a first deployment that fails leaves nothing"
    assert f"`{name}`" in GUIDE


def test_snapshots_are_in_the_guide() -> None:
    snapshots = {name for name, one in EVERY.items() if one.get("DeletionPolicy") == "Snapshot"}
    assert snapshots and all(f"`{name}`" in GUIDE for name in snapshots)


def test_no_function_writes_into_a_log_group_with_a_name_of_ours() -> None:
    """Lambda makes it anew for a last line that comes after the deletion, and the next deployment would meet it."""
    for name, one in resources("AWS::Serverless::Function").items():
        log = EVERY[one["LoggingConfig"]["LogGroup"]["Ref"]]
        assert "LogGroupName" not in log["Properties"], name


def test_commands_of_the_guide_are_for_what_stays() -> None:
    removals = re.findall(r"aws (\S+ (?:delete|rb|deregister)\S*|s3 rb)", GUIDE)
    assert {one.split()[0] for one in removals} >= {"dynamodb", "s3", "cognito-idp", "rds"}
