"""What an earlier deployment of the same name left behind, where the next one could find its names taken.

Buckets, tables, pools and the domain of the sign-in page have names of CloudFormation's, which nobody else has.
"""

from foreverus.doctor.records import Finding, Patient, note, ok

# What the template gives a name of its own, or has given; a test asks that none is missing.
FUNCTIONS = (
    *("api", "authorize", "manage-keys", "web-socket", "publish-changes", "close-session", "answer-chats"),
    *("store-results", "reap-gpus", "run-batch", "answer-batch", "sweep", "start-bake"),
    *("start-scheduled-batch", "start-scheduled-session", "migrate-database", "publish-site", "end-sessions"),
)
MACHINES = ("gpu-session", "batch-run", "bake-image", "ability-run")
# Of the template, each with a page of its own in the runbook; tests hold all three equal.
ALARMS = (
    *("ReaperHadToAct", "ReaperFails", "InstanceTooOld", "DeadLetters", "ExecutionsFail"),
    *("AnswersSlow", "AnswersFail", "SpendingFast", "BedrockThrottled", "ResultsUnsaved"),
)
ALARM_PAGES, ERROR_PAGES = "docs/runbook/alarms.md", "docs/runbook/errors.md"


def alarm_page(alarm: str) -> str:
    """
    >>> alarm_page("DeadLetters")
    'docs/runbook/alarms.md#deadletters'
    """
    return f"{ALARM_PAGES}#{alarm.lower()}"


def log_groups(stack: str) -> list[str]:
    """In the order of the template."""
    functions = [f"/aws/lambda/{stack}-{name}" for name in FUNCTIONS]
    return [
        f"/foreverus/{stack}/machines",
        f"/foreverus/{stack}/abilities",
        *functions,
        *(f"/aws/vendedlogs/states/{stack}-{name}" for name in MACHINES),
        f"/aws/events/{stack}-executions",
    ]


def names(patient: Patient) -> Finding:
    """Of a stack that is not there."""
    stack, call = patient.stack, patient.account.call
    wanted = log_groups(stack)
    places = {name.rpartition(f"{stack}")[0] + stack for name in wanted}
    groups = [
        one
        for place in sorted(places)
        for one in call("logs", "describe_log_groups", logGroupNamePrefix=place)["logGroups"]
    ]
    left = [
        f"aws logs delete-log-group --log-group-name {one['logGroupName']}"
        for one in groups
        if one["logGroupName"] in wanted
    ]
    machines = {f"{stack}-{name}" for name in MACHINES}
    left += [
        f"aws stepfunctions delete-state-machine --state-machine-arn {one['stateMachineArn']}"
        for one in call("stepfunctions", "list_state_machines")["stateMachines"]
        if one["name"] in machines
    ]
    if not left:
        return ok("names", f"nothing of an earlier {stack} is in the way")
    says = ", ".join(command.split()[-1] for command in left)
    words = f"Left from an earlier {stack}; remove it if the next deployment says that it exists already: {says}"
    return note("names", words, " && ".join(left))
