"""Every path of gpu_session, named for what happens. A state that is not mentioned does its real call."""

from tests.statemachines.machine import HEALTHY, SILENCE, Case, failure, give, refused, success, throw

OPEN, SPOT, ON_DEMAND, FIND = "Open session", "Launch spot GPU", "Launch on-demand GPU", "Find launched GPUs"
SPOT_FOUND, ON_DEMAND_FOUND = "Was spot capacity found?", "Was on-demand capacity found?"
ANYTHING, WAIT, SERVE, WORK = "Was anything launched?", "Wait until healthy", "Serve", "Is work waiting?"
INTERRUPTED, LOST, TERMINATE = "Was it interrupted?", "Terminate lost GPU", "Terminate GPU"
CAP = "Is the spend cap reached?"
CLOSE, STORE, NOTIFY, MARK = "Close session", "Store results", "Notify", "Mark as notified"
MAY, BEDROCK = "May Bedrock answer?", "Answer on Bedrock"
WELL, OVER, FAILED, ANOTHER = "Did it end well?", "Session over", "Session failed", "Another session is live"

UP = (OPEN, SPOT, SPOT_FOUND, WAIT)
DOWN = (TERMINATE, CLOSE, STORE, NOTIFY, MARK, WELL)
NOTHING_LAUNCHED = (CLOSE, STORE, NOTIFY, MARK, WELL, FAILED)
NO_GPU = (MAY, BEDROCK, *NOTHING_LAUNCHED)
NORMAL = (*UP, SERVE, *DOWN, OVER)
BESIDE_ERRORS = give(
    {
        "FleetId": "fleet-1",
        "Instances": [{"InstanceIds": ["i-0beside0errors0"], "InstanceType": "g5.xlarge", "Lifecycle": "spot"}],
        "Errors": [{"ErrorCode": "InsufficientInstanceCapacity", "ErrorMessage": "m"}],
    }
)
INTERNAL = throw("Ec2.Ec2Exception", "An internal error has occurred (Service: Ec2, Status Code: 500)")

CASES = [
    Case("normal", NORMAL, claimed=True, request={"trigger": "page", "owner": "user-1", "idle_seconds": 77}),
    Case("scheduled", NORMAL, request={"trigger": "schedule"}),
    Case("bare-schedule", NORMAL),
    Case("another-is-live", (OPEN, CAP, ANOTHER), slot_of="ses_other"),
    # The spend guard
    Case("spend-below-the-cap", NORMAL, month_usd="19.99"),
    Case("spend-cap-reached", (OPEN, CAP, *NOTHING_LAUNCHED), error="SpendCapReached", month_usd="20"),
    Case(
        "spend-cap-reached-since-it-was-claimed",
        (OPEN, CAP, *NOTHING_LAUNCHED),
        error="SpendCapReached",
        claimed=True,
        month_usd="20.5",
    ),
    Case("another-is-live-at-the-cap", (OPEN, CAP, ANOTHER), slot_of="ses_other", month_usd="20"),
    Case(
        "ended-at-its-cap-while-booting",
        (*UP, *DOWN, FAILED),
        error="SpendCapReached",
        worker=(failure("SpendCapReached"),),
        work_waits=True,
    ),
    Case("ended-at-its-cap", NORMAL, worker=(HEALTHY, success(outcome="spend_cap")), work_waits=True),
    Case(
        "table-is-down",
        (OPEN, *NOTHING_LAUNCHED),
        error="DynamoDb.InternalServerErrorException",
        states={OPEN: [throw("DynamoDb.InternalServerErrorException")]},
    ),
    # The capacity ladder
    Case(
        "instance-beside-errors",
        NORMAL,
        states={SPOT: [BESIDE_ERRORS], TERMINATE: [give({"TerminatingInstances": []})]},
    ),
    Case(
        "no-spot-capacity",
        (OPEN, SPOT, SPOT_FOUND, *NO_GPU),
        error="NoGpuCapacity",
        states={SPOT: [refused("InsufficientInstanceCapacity", "MaxSpotInstanceCountExceeded")]},
    ),
    Case(
        "fleet-without-a-word",
        (OPEN, SPOT, SPOT_FOUND, *NO_GPU),
        error="NoGpuCapacity",
        states={SPOT: [refused()]},
    ),
    Case(
        "spot-then-on-demand",
        (OPEN, SPOT, SPOT_FOUND, ON_DEMAND, ON_DEMAND_FOUND, WAIT, SERVE, *DOWN, OVER),
        request={"allow_on_demand": True},
        states={SPOT: [refused("InsufficientInstanceCapacity")]},
    ),
    Case(
        "no-capacity-at-all",
        (OPEN, SPOT, SPOT_FOUND, ON_DEMAND, ON_DEMAND_FOUND, *NO_GPU),
        error="NoGpuCapacity",
        request={"allow_on_demand": True},
        states={SPOT: [refused("UnfulfillableCapacity")], ON_DEMAND: [refused("InsufficientInstanceCapacity")]},
    ),
    Case(
        "spot-quota-then-on-demand-quota",
        (OPEN, SPOT, SPOT_FOUND, ON_DEMAND, ON_DEMAND_FOUND, *NO_GPU),
        error="GpuQuotaExceeded",
        request={"allow_on_demand": True},
        states={SPOT: [refused("MaxSpotInstanceCountExceeded")], ON_DEMAND: [refused("VcpuLimitExceeded")]},
    ),
    Case(
        "not-authorized",
        (OPEN, SPOT, SPOT_FOUND, *NO_GPU),
        error="LaunchNotAuthorized",
        request={"allow_on_demand": True},
        states={SPOT: [refused("UnauthorizedOperation")]},
    ),
    Case(
        "unknown-refusal",
        (OPEN, SPOT, SPOT_FOUND, MAY, *NOTHING_LAUNCHED),
        error="Ec2.Ec2Exception",
        request={"allow_on_demand": True},
        states={SPOT: [refused("InvalidParameterValue")]},
    ),
    # Its last rung
    Case(
        "no-capacity-and-no-bedrock",
        (OPEN, SPOT, SPOT_FOUND, MAY, *NOTHING_LAUNCHED),
        error="NoGpuCapacity",
        states={SPOT: [refused("InsufficientInstanceCapacity")]},
        substitutions={"HasBedrock": "false"},
    ),
    Case(
        "bedrock-fails-too",
        (OPEN, SPOT, SPOT_FOUND, MAY, BEDROCK, *NOTHING_LAUNCHED),
        error="GpuQuotaExceeded",
        states={SPOT: [refused("MaxSpotInstanceCountExceeded")], BEDROCK: [throw("MissingSetting")]},
    ),
    # Launches that fail as calls
    Case(
        "call-not-authorized",
        (OPEN, SPOT, FIND, ANYTHING, *NO_GPU),
        error="LaunchNotAuthorized",
        request={"allow_on_demand": True},
        states={SPOT: [throw("Ec2.Ec2Exception", "UnauthorizedOperation: not authorized to perform ec2:CreateFleet")]},
    ),
    Case(
        "capacity-as-api-error",
        (OPEN, SPOT, FIND, ANYTHING, ON_DEMAND, ON_DEMAND_FOUND, WAIT, SERVE, *DOWN, OVER),
        request={"allow_on_demand": True},
        states={SPOT: [throw("Ec2.Ec2Exception", "UnfulfillableCapacity: no capacity")]},
    ),
    Case(
        "capacity-as-api-error-and-no-on-demand",
        (OPEN, SPOT, FIND, ANYTHING, *NO_GPU),
        error="NoGpuCapacity",
        states={SPOT: [throw("Ec2.Ec2Exception", "UnfulfillableCapacity: no capacity")]},
    ),
    Case(
        "launch-of-unknown-effect",
        (OPEN, SPOT, FIND, ANYTHING, *DOWN, FAILED),
        error="Ec2.Ec2Exception",
        states={SPOT: [INTERNAL]},
        already_launched=True,
    ),
    Case(
        "on-demand-of-unknown-effect",
        (OPEN, SPOT, SPOT_FOUND, ON_DEMAND, FIND, ANYTHING, MAY, *NOTHING_LAUNCHED),
        error="Ec2.Ec2Exception",
        request={"allow_on_demand": True},
        states={SPOT: [refused("InsufficientInstanceCapacity")], ON_DEMAND: [INTERNAL]},
    ),
    Case(
        "launched-gpus-cannot-be-found",
        (OPEN, SPOT, FIND, *NOTHING_LAUNCHED),
        error="Ec2.Ec2Exception",
        states={SPOT: [INTERNAL], FIND: [throw("Ec2.Ec2Exception", "RequestLimitExceeded")]},
    ),
    # Booting
    Case("ended-while-booting", (*UP, *DOWN, OVER), worker=(failure("SessionEndRequested"),)),
    Case(
        "boot-failed-and-nothing-waits",
        (*UP, WORK, INTERRUPTED, *DOWN, FAILED),
        error="BootFailed",
        worker=(failure("BootFailed", "the engine exited with 1"),),
    ),
    Case(
        "boot-too-slow",
        (*UP, WORK, INTERRUPTED, *DOWN, FAILED),
        error="States.Timeout",
        worker=(SILENCE,),
        substitutions={"BootTimeoutSeconds": "1"},
    ),
    Case(
        "boot-falls-silent",
        (*UP, WORK, INTERRUPTED, *DOWN, FAILED),
        error="States.HeartbeatTimeout",
        worker=(SILENCE,),
        substitutions={"BootHeartbeatSeconds": "1"},
    ),
    Case(
        "boot-token-cannot-be-written",
        (*UP, *DOWN, FAILED),
        error="DynamoDb.ResourceNotFoundException",
        states={WAIT: [throw("DynamoDb.ResourceNotFoundException")]},
    ),
    # Serving
    Case("ended-while-serving", (*UP, SERVE, *DOWN, OVER), worker=(HEALTHY, failure("SessionEndRequested"))),
    Case(
        "interrupted-and-nothing-waits",
        (*UP, SERVE, WORK, INTERRUPTED, *DOWN, OVER),
        worker=(HEALTHY, failure("SpotInterrupted")),
    ),
    Case(
        "interrupted-with-work",
        (*UP, SERVE, WORK, INTERRUPTED, LOST, *UP[1:], SERVE, *DOWN, OVER),
        worker=(HEALTHY, failure("SpotInterrupted"), HEALTHY, success(outcome="idle")),
        work_waits=True,
    ),
    Case(
        "interrupted-again-and-again",
        (*UP, SERVE, WORK, INTERRUPTED, LOST, *UP[1:], SERVE, WORK, INTERRUPTED, *DOWN, FAILED),
        error="SpotInterrupted",
        worker=(HEALTHY, failure("SpotInterrupted"), HEALTHY, failure("SpotInterrupted")),
        work_waits=True,
    ),
    Case(
        "worker-falls-silent",
        (*UP, SERVE, WORK, INTERRUPTED, *DOWN, FAILED),
        error="States.HeartbeatTimeout",
        worker=(HEALTHY, SILENCE),
        substitutions={"ServeHeartbeatSeconds": "1"},
    ),
    Case(
        "engine-failed-with-work",
        (*UP, SERVE, WORK, INTERRUPTED, LOST, *UP[1:], SERVE, *DOWN, OVER),
        worker=(HEALTHY, failure("EngineFailed"), HEALTHY, success(outcome="idle")),
        work_waits=True,
    ),
    Case(
        "no-capacity-for-the-relaunch",
        (*UP, SERVE, WORK, INTERRUPTED, LOST, SPOT, SPOT_FOUND, *NO_GPU),
        error="NoGpuCapacity",
        worker=(HEALTHY, failure("SpotInterrupted")),
        work_waits=True,
        states={
            SPOT: [BESIDE_ERRORS, refused("InsufficientInstanceCapacity")],
            LOST: [give({"TerminatingInstances": []})],
        },
    ),
    Case(
        "unforeseen-error-while-serving",
        (*UP, SERVE, *DOWN, FAILED),
        error="SomethingNew",
        worker=(HEALTHY, failure("SomethingNew")),
        work_waits=True,
    ),
    Case(
        "nobody-knows-whether-work-waits",
        (*UP, SERVE, WORK, *DOWN, FAILED),
        error="SpotInterrupted",
        worker=(HEALTHY, failure("SpotInterrupted")),
        states={WORK: [throw("DynamoDb.InternalServerErrorException")]},
    ),
    Case(
        "lost-gpu-cannot-be-terminated",
        (*UP, SERVE, WORK, INTERRUPTED, LOST, *DOWN, FAILED),
        error="SpotInterrupted",
        worker=(HEALTHY, failure("SpotInterrupted")),
        work_waits=True,
        states={LOST: [throw("Ec2.Ec2Exception", "RequestLimitExceeded")]},
    ),
    # After the termination
    Case(
        "gpu-cannot-be-terminated",
        (*NORMAL[:-1], FAILED),
        error="Ec2.Ec2Exception",
        states={TERMINATE: [throw("Ec2.Ec2Exception", "RequestLimitExceeded")]},
    ),
    Case(
        "session-cannot-be-closed",
        (*NORMAL[:-1], FAILED),
        error="Lambda.Unknown",
        states={CLOSE: [throw("Lambda.Unknown", "out of memory")]},
    ),
    Case(
        "results-cannot-be-stored",
        (*NORMAL[:-1], FAILED),
        error="ResultsNotStored",
        states={STORE: [throw("ResultsNotStored", "Aurora is still resuming")]},
    ),
    Case(
        "notification-fails",
        (*NORMAL[:-3], WELL, FAILED),
        error="SNS.InternalErrorException",
        states={NOTIFY: [throw("SNS.InternalErrorException")]},
    ),
    Case(
        "notification-cannot-be-marked",
        NORMAL,
        states={MARK: [throw("DynamoDb.InternalServerErrorException")]},
    ),
    Case(
        "everything-after-the-termination-fails",
        (*NORMAL[:-3], WELL, FAILED),
        error="Lambda.Unknown",
        states={
            CLOSE: [throw("Lambda.Unknown")],
            STORE: [throw("ResultsNotStored")],
            NOTIFY: [throw("SNS.InternalErrorException")],
        },
    ),
]
