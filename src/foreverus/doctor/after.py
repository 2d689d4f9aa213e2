"""Checks of a stack that is there, and of what one may have left behind in any Region."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from foreverus.aws.account import CannotLook
from foreverus.aws.ec2 import LIVE_STATES, SESSION_TAG, STACK_TAG
from foreverus.doctor.names import ALARMS, ERROR_PAGES, alarm_page
from foreverus.doctor.records import BOUND_MINUTES, Finding, Patient, act, note, ok

GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
DEATHS = ("FAILED", "TIMED_OUT", "ABORTED")
SHOWN = 5


def subscriptions(patient: Patient) -> Finding:
    topic = patient.outputs["TopicArn"]
    found = patient.account.call("sns", "list_subscriptions_by_topic", TopicArn=topic)["Subscriptions"]
    waiting = [one["Endpoint"] for one in found if one["SubscriptionArn"] == "PendingConfirmation"]
    if waiting:
        command = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {waiting[0]}"
        return act(
            "notifications", f"Not confirmed: {', '.join(waiting)}. The mail has a link; to send it again:", command
        )
    if not found:
        command = f"aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint you@example.com"
        return note("notifications", "Nobody is told of a session's end.", command)
    return ok("notifications", f"{len(found)} confirmed")


def budget(patient: Patient) -> Finding:
    name = patient.resources.get("Budget", "")
    number = patient.outputs["TopicArn"].split(":")[4]
    try:
        found = patient.account.call("budgets", "describe_budget", "us-east-1", AccountId=number, BudgetName=name)
    except CannotLook as err:
        if err.code != "NotFoundException":
            raise
        return act("budget", "The stack's budget is gone: nothing stands behind the caps.", "sam deploy")
    spent = found["Budget"].get("CalculatedSpend", {}).get("ActualSpend", {"Amount": "0"})["Amount"]
    limit = found["Budget"].get("BudgetLimit", {"Amount": "0"})["Amount"]
    return ok("budget", f"US$ {float(spent):.2f} of {float(limit):.2f} this month, as AWS knew some hours ago")


def alarms(patient: Patient) -> Finding:
    names = {patient.resources[logical]: logical for logical in patient.resources if "Alarm:" in logical}
    ours = {name: alarm for name, logical in names.items() if (alarm := logical.removeprefix("Alarm:")) in ALARMS}
    found = patient.account.call("cloudwatch", "describe_alarms", AlarmNames=list(ours))["MetricAlarms"] if ours else []
    state = {one["AlarmName"]: one["StateValue"] for one in found}
    firing = [logical for name, logical in ours.items() if state.get(name) == "ALARM"]
    if firing:
        command = f"aws cloudwatch describe-alarm-history --alarm-name {next(n for n in ours if ours[n] == firing[0])}"
        pages = ", ".join(f"{name} ({alarm_page(name)})" for name in firing)
        return act("alarms", f"In alarm: {pages}.", command)
    if missing := [logical for name, logical in ours.items() if name not in state]:
        return act("alarms", f"Gone: {', '.join(missing)}.", "sam deploy")
    return ok("alarms", f"{len(ours)} quiet")


def deaths(patient: Patient) -> Finding:
    machine = patient.outputs["GpuSessionArn"]
    found = []
    for status in DEATHS:
        listed = patient.account.call(
            "stepfunctions",
            "list_executions",
            stateMachineArn=machine,
            statusFilter=status,
            PaginationConfig={"MaxItems": SHOWN},
        )
        found += listed["executions"]
    if not found:
        return ok("last deaths", "no session has failed")
    last = sorted(found, key=lambda one: one["startDate"], reverse=True)[:SHOWN]
    says = "; ".join(f"{one['name']} {one['status']} {one['startDate']:%Y-%m-%d %H:%M}" for one in last)
    says += f". {ERROR_PAGES} has a page for the error of each."
    command = f"aws stepfunctions describe-execution --execution-arn {last[0]['executionArn']}"
    return note("last deaths", says, command)


@dataclass(frozen=True)
class FoundInstance:
    region: str
    instance_id: str
    launched_at: datetime
    stack: str
    session_id: str


def orphans(patient: Patient) -> Finding:
    """Instances with our tags in every Region that the account has: of no stack, or older than the bound."""
    regions = sorted(
        one["RegionName"] for one in patient.account.call("ec2", "describe_regions", "us-east-1")["Regions"]
    )
    gpus = [gpu for region in regions for gpu in _gpus(patient, region)]
    late = patient.now - timedelta(minutes=BOUND_MINUTES)
    gone = not patient.resources  # what has the tag of a stack that is not there
    left = [gpu for gpu in gpus if gpu.launched_at < late or (gone and gpu.stack == patient.stack)]
    if left:
        says = ", ".join(f"{gpu.instance_id} in {gpu.region} since {gpu.launched_at:%Y-%m-%d %H:%M}" for gpu in left)
        command = f"aws ec2 terminate-instances --region {left[0].region} --instance-ids {left[0].instance_id}"
        return act("GPUs", f"Left on: {says}.", command)
    if gpus:
        says = ", ".join(f"{gpu.instance_id} in {gpu.region}, session {gpu.session_id}" for gpu in gpus)
        return note("GPUs", f"On, and within the bound of {BOUND_MINUTES} minutes: {says}")
    return ok("GPUs", f"none in {len(regions)} Regions")


def _gpus(patient: Patient, region: str) -> list[FoundInstance]:
    filters = [
        {"Name": "tag-key", "Values": [STACK_TAG]},
        {"Name": "instance-state-name", "Values": list(LIVE_STATES)},
    ]
    found = patient.account.call("ec2", "describe_instances", region, Filters=filters).get("Reservations", [])
    gpus = []
    for one in (instance for reservation in found for instance in reservation["Instances"]):
        tags = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
        stack, session_id = tags.get(STACK_TAG, ""), tags.get(SESSION_TAG, "")
        gpus.append(FoundInstance(region, one["InstanceId"], one["LaunchTime"], stack, session_id))
    return gpus


EVERYWHERE = {"GPUs": orphans}
CHECKS = {"notifications": subscriptions, "budget": budget, "alarms": alarms, "last deaths": deaths}
