"""hosting/sagemaker.yaml: an endpoint that is off while nobody asks, and whose names the stack takes."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.template import iam
from tests.template.template import ROOT, load, resolve, template
from tests.template.test_lint import lint

PAGE = ROOT / "hosting" / "sagemaker.yaml"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return dict(load(PAGE)["Resources"])


def test_four_regions_take_it() -> None:
    assert lint(PAGE) == []


def test_a_mistake_in_it_is_seen(tmp_path: Path) -> None:
    broken = tmp_path / "sagemaker.yaml"
    broken.write_text(PAGE.read_text().replace("Status: ENABLED", "Status: PERHAPS"))
    assert any("PERHAPS" in one["Message"] for one in lint(broken))


def test_it_scales_to_nothing_and_the_call_that_finds_nothing_wakes_it(made: dict[str, Any]) -> None:
    (variant,) = made["EndpointConfig"]["Properties"]["ProductionVariants"]
    assert variant["ManagedInstanceScaling"] == {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 1}
    copies = made["Copies"]["Properties"]
    assert (copies["MinCapacity"], copies["MaxCapacity"]) == (0, 1)
    alarm, policy = made["AskedAtRest"]["Properties"], made["FromRest"]["Properties"]
    assert (alarm["MetricName"], alarm["AlarmActions"]) == ("NoCapacityInvocationFailures", [{"Ref": "FromRest"}])
    component = made["Component"]["Properties"]["InferenceComponentName"]
    assert alarm["Dimensions"] == [{"Name": "InferenceComponentName", "Value": component}]
    assert copies["ResourceId"]["Fn::Sub"] == f"inference-component/{component['Fn::Sub']}"
    assert policy["StepScalingPolicyConfiguration"]["StepAdjustments"][0]["ScalingAdjustment"] == 1
    assert {one["Properties"]["ScalingTargetId"]["Ref"] for one in (made["ToRest"], made["FromRest"])} == {"Copies"}


def test_the_component_goes_before_its_endpoint(made: dict[str, Any]) -> None:
    """CloudFormation deletes what refers to something before that."""
    assert made["Component"]["Properties"]["EndpointName"] == {"Fn::GetAtt": ["Endpoint", "EndpointName"]}


def test_its_role_may_what_aws_knows_and_no_more(made: dict[str, Any]) -> None:
    known = {"AWS::Partition": "aws", "AWS::Region": iam.REGION, "AWS::AccountId": iam.ACCOUNT}
    known |= {"ModelBucket": "data", "ModelPrefix": "weights/mistral/"}
    known |= {"ImageRepositoryArn": "arn:aws:ecr:us-east-1:763104351884:repository/djl-inference"}
    (policy,) = resolve(made["Role"]["Properties"]["Policies"], known)
    statements = policy["PolicyDocument"]["Statement"]
    # The reference lists a resource that a policy for metrics has no use for: AWS's own policies say "*".
    found = [said for one in statements for said in iam.mistakes(one)]
    assert [said for said in found if "PutMetricData takes a resource (dataset)" not in said] == []
    everywhere = {one["Sid"] for one in statements if one["Resource"] == "*"}
    assert everywhere == {"SignInToImages", "Figures"}


def test_its_outputs_are_names_that_the_stack_takes() -> None:
    longest = load(PAGE)["Parameters"]["Name"]["AllowedPattern"].replace("{0,52}", "{52}")
    name = "a" * 53
    assert re.fullmatch(longest, name)
    for output, value in (("SageMakerEndpoint", name), ("SageMakerComponent", f"{name}-model")):
        assert output in load(PAGE)["Outputs"]
        assert re.fullmatch(template()["Parameters"][output]["AllowedPattern"], value)
