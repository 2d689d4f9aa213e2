"""What EC2 means when it launches nothing: by its code, and by its own sentence where a refused call has no code."""

from typing import Any

import pytest

from foreverus import errors, ids
from foreverus.aws import keys
from foreverus.sessions.advice import advice
from foreverus.sessions.capacity import refusals_of
from foreverus.sessions.closing import Failure
from foreverus.sessions.launch_refusals import REASONS, Said, reason, reasons, refused_launches
from local.sdk_text import ec2_denial, ec2_text
from tests.unit.conftest import NOW, Aws
from tests.unit.sessions.test_closing import Machine, closer, request

# AWS's own sentences, as people report them.
SENTENCES = {
    "UnauthorizedOperation": ("You are not authorized to perform this operation.", "LaunchNotAuthorized"),
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted": (
        "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
        "LaunchNotAuthorized",
    ),
    "PendingVerification": (
        "Your request for accessing resources in this region is being validated, and you will not be able to launch "
        "additional resources in this region until the validation is complete. We will notify you by email once your "
        "request has been validated.",
        "AccountNotVerified",
    ),
    "Blocked": (
        "This account is currently blocked and not recognized as a valid account. Please contact "
        "aws-verification@amazon.com if you have questions.",
        "AccountNotVerified",
    ),
    "OptInRequired": (
        "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe.",
        "AccountNotVerified",
    ),
    "InsufficientInstanceCapacity": (
        "We currently do not have sufficient g6.xlarge capacity in the Availability Zone you requested (us-east-1a).",
        "NoGpuCapacity",
    ),
    "UnfulfillableCapacity": (
        "Unable to fulfill capacity due to your request configuration. Please adjust your request and try again.",
        "NoGpuCapacity",
    ),
    "SpotMaxPriceTooLow": (
        "Your Spot request price of 0.1 is lower than the minimum required Spot request fulfillment price of 0.34.",
        "NoGpuCapacity",
    ),
    "MaxSpotInstanceCountExceeded": ("Max spot instance count exceeded", "GpuQuotaExceeded"),
    "VcpuLimitExceeded": (
        "You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that "
        "the specified instance type belongs to.",
        "GpuQuotaExceeded",
    ),
    "InsufficientFreeAddressesInSubnet": (
        "There are not enough free addresses in subnet 'subnet-1' to satisfy the requested number of instances.",
        "NoGpuCapacity",
    ),
    "Unsupported": (
        "Your requested instance type (g6.xlarge) is not supported in your requested Availability Zone (us-east-1e).",
        "NoGpuCapacity",
    ),
    "RequestLimitExceeded": ("Request limit exceeded.", "LaunchRefused"),
    "InternalError": ("An internal error has occurred", "LaunchRefused"),
    "InvalidLaunchTemplateId.NotFound": (
        "The specified launch template, with template ID lt-1, does not exist.",
        "LaunchRefused",
    ),
}


@pytest.mark.parametrize(("code", "sentence", "error"), [(code, *one) for code, one in SENTENCES.items()])
def test_code_and_sentence_say_the_same(code: str, sentence: str, error: str) -> None:
    by_code, by_sentence = reason([Said(code, "m")]), reason([Said("", ec2_text(code, sentence))])
    assert by_code is by_sentence
    assert by_code.error == error and (by_code.hint or advice(error))


@pytest.mark.parametrize("message", ["", "m", "The moon is in the wrong phase. (Service: Ec2, Status Code: 400)"])
@pytest.mark.parametrize("code", ["", "SomethingNew", "InvalidFleetConfiguration"])
def test_what_nobody_knows_is_a_refusal_with_general_advice(code: str, message: str) -> None:
    assert reason([Said(code, message)]).error == "LaunchRefused"


def test_invalid_configuration_is_what_its_sentence_says() -> None:
    sentence, error = SENTENCES["Unsupported"]
    assert reason([Said("InvalidFleetConfiguration", sentence)]).error == error
    assert reason([Said("UnauthorizedOperation", sentence)]).error == "LaunchNotAuthorized"  # this code says enough


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        (["Unsupported", "VcpuLimitExceeded"], "GpuQuotaExceeded"),  # a zone without the type hides no quota
        (["MaxSpotInstanceCountExceeded", "InsufficientInstanceCapacity"], "NoGpuCapacity"),
        (["InsufficientInstanceCapacity", "UnauthorizedOperation"], "LaunchNotAuthorized"),
        (["SomethingNew", "PendingVerification"], "AccountNotVerified"),
        (["SomethingNew", "Unsupported"], "NoGpuCapacity"),
        ([], "NoGpuCapacity"),  # a fleet without a word
    ],
)
def test_weightiest_of_what_pools_said_counts(codes: list[str], error: str) -> None:
    said = [Said(code, "m") for code in codes]
    assert reason(said).error == reason(said[::-1]).error == error


def test_every_reason_is_an_error_of_ours_and_can_be_met() -> None:
    for one in REASONS:
        assert issubclass(getattr(errors, one.error), errors.SessionError)
        assert one.codes and all(sentence == sentence.lower() for sentence in one.sentences)
    for one in REASONS:
        code = one.codes[0].replace("*", "X")
        assert reason([Said(code, "m")]) is one


def fleet(lifecycle: str, *codes: str, said: str = "") -> dict[str, Any]:
    errors_ = [{"ErrorCode": code, "ErrorMessage": "m"} for code in codes]
    return {"lifecycle": lifecycle, "at": ids.timestamp(NOW), "errors": errors_} | ({"said": said} if said else {})


def test_only_the_last_try_counts_and_on_demand_names_it() -> None:
    lived = fleet("spot", "UnauthorizedOperation")  # an error beside an instance, of an earlier launch
    spot, on_demand = fleet("spot", "InsufficientInstanceCapacity"), fleet("on-demand", said="Max spot instance count")
    named = {
        (lived["lifecycle"], spot["lifecycle"]): [one.error for one in reasons(refused_launches([lived, spot]))],
        "both": [
            one.error for one in reasons(refused_launches([lived, spot, fleet("on-demand", "VcpuLimitExceeded")]))
        ],
        "none": reasons(refused_launches([])),
    }
    assert named == {
        ("spot", "spot"): ["NoGpuCapacity"],
        "both": ["GpuQuotaExceeded", "NoGpuCapacity"],
        "none": (),
    }
    assert [one.error for one in reasons(refused_launches([spot, on_demand]))] == ["LaunchRefused", "NoGpuCapacity"]


def closed(aws: Aws, *fleets: dict[str, Any], error: str = "LaunchRefused") -> tuple[str, dict[str, Any]]:
    """(error of the answer, the session's record) of a session that ended so."""
    aws.put(**keys.session_key("ses_1"), session_id="ses_1", created_at=ids.timestamp(NOW))
    failure = Failure.of(error, "No spot GPU was launched. EC2 said: …", refused_launches(fleets))
    answer = closer(aws, Machine()).close(request("failed", failure, refusals=refusals_of(fleets, {})))
    return answer.error, aws.items.get(keys.session_key("ses_1")) or {}


def test_people_hear_the_name_and_the_advice_before_ec2s_words(aws: Aws) -> None:
    denial = ec2_denial("arn:aws:sts::1:assumed-role/a/b", "ec2:CreateFleet", "*")
    error, record = closed(aws, fleet("spot", said=denial))
    assert error == record["error"] == "LaunchNotAuthorized"
    assert record["cause"].startswith("This deployment is not allowed to launch a GPU")
    assert record["cause"].endswith("EC2 said: …")


def test_spots_reason_is_told_beside_on_demands(aws: Aws) -> None:
    role = "AuthFailure.ServiceLinkedRoleCreationNotPermitted"
    error, record = closed(aws, fleet("spot", role), fleet("on-demand", "VcpuLimitExceeded"))
    assert error == "GpuQuotaExceeded" and "L-DB2E81BA" in record["cause"]
    assert "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com" in record["cause"]


def test_unknown_refusal_stays_one_and_has_advice(aws: Aws) -> None:
    error, record = closed(aws, fleet("spot", "SomethingNew"))
    assert error == record["error"] == "LaunchRefused" and "docs/runbook.md" in record["cause"]


def test_another_failure_keeps_its_name(aws: Aws) -> None:
    error, record = closed(aws, fleet("spot", "InsufficientInstanceCapacity"), error="States.Timeout")
    assert error == record["error"] == "States.Timeout"
