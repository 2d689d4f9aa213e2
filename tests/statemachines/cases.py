"""Every path of gpu_session, named for what happens. A state that is not mentioned does its real call."""

from typing import Any

from local.sdk_text import sdk_text
from tests.statemachines.machine import HEALTHY, SILENCE, Case, failure, give, refused, success, throw

OPEN, LAUNCH, FIND = "Open session", "Launch GPU", "Find launched GPUs"
FOUND, NOT_CLAIMED = "Was a GPU launched?", "Session not claimed"
ANYTHING, WAIT, SERVE, WORK = "Was anything launched?", "Wait until healthy", "Serve", "Is work waiting?"
INTERRUPTED, LOST, TERMINATE = "Was it interrupted?", "Terminate lost GPU", "Terminate GPU"
CLOSE, STORE, NOTIFY, MARK = "Close session", "Store results", "Notify", "Mark as notified"
TELL = "Is there anything to tell?"
SETTLE = "Let EC2 settle"
KEPT, IMAGE, UNFIT = "Are images kept?", "Find image", "Did a published image fail?"
MAY, BEDROCK = "May Bedrock answer?", "Answer on Bedrock"
WELL, OVER, FAILED = "Did it end well?", "Session over", "Session failed"

LOOK = (SETTLE, FIND, ANYTHING)
UP = (OPEN, KEPT, LAUNCH, FOUND, WAIT)
DOWN = (TERMINATE, CLOSE, STORE, TELL, NOTIFY, MARK, WELL)
NOTHING_LAUNCHED = (CLOSE, STORE, TELL, NOTIFY, MARK, WELL, FAILED)
NO_GPU = (MAY, BEDROCK, *NOTHING_LAUNCHED)
NORMAL = (*UP, SERVE, *DOWN, OVER)
BESIDE_ERRORS = give(
    {
        "FleetId": "fleet-1",
        "Instances": [{"InstanceIds": ["i-0beside0errors0"], "InstanceType": "g5.xlarge", "Lifecycle": "spot"}],
        "Errors": [{"ErrorCode": "InsufficientInstanceCapacity", "ErrorMessage": "m"}],
    }
)
# Of a call that is refused there are EC2's words and no code.
SENTENCES = {
    "403": ("You are not authorized to perform this operation.", 403),
    "capacity": ("Unable to fulfill capacity due to your request configuration.", 400),
    "quota": ("Max spot instance count exceeded", 400),
    "throttled": ("Request limit exceeded.", 503),
    "unheard-of": ("The moon is in the wrong phase.", 400),
}
INTERNAL = throw("Ec2.Ec2Exception", sdk_text("An internal error has occurred", "Ec2", 500))
NAMED = give({"Payload": {"error": "NoGpuCapacity", "notification": {"subject": "s", "message": "{}"}}})

IMAGE_ID = "ami-0123456789abcdef0"  # one that the emulator has
PUBLISHED = give({"Parameter": {"Name": "n", "Value": IMAGE_ID}})
GONE = throw("Ec2.Ec2Exception", sdk_text("The image id '[ami-0gone]' does not exist", "Ec2", 400))
KEEPS: dict[str, Any] = {"substitutions": {"HasImageStore": "true"}}


def pools(*names: str) -> dict[str, Any]:
    """As a session's record has them."""
    return {"M": {"learned": {"BOOL": bool(names)}, "names": {"L": [{"S": name} for name in names]}}}


# As the record has them: the deployment's four, the first one that the template names last.
LAST_FIRST = ("g5.xlarge#us-east-1b", "g5.xlarge#us-east-1a", "g6.xlarge#us-east-1b", "g6.xlarge#us-east-1a")
EMPTY = refused("InsufficientInstanceCapacity")

CASES = [
    Case("normal", NORMAL, request={"allow_on_demand": False}),
    Case("bare-request", NORMAL),
    # The claim
    Case("opened-twice", NORMAL, status="launching"),
    Case("started-by-hand", (OPEN, NOT_CLAIMED), error="SessionNotClaimed", status=None, slot_of="ses_other"),
    Case("begins-after-its-claim-was-undone", (OPEN, NOT_CLAIMED), error="SessionNotClaimed", status=None),
    Case("runs-again-after-its-end", (OPEN, NOT_CLAIMED), error="SessionNotClaimed", status="ended"),
    Case("runs-again-after-its-failure", (OPEN, NOT_CLAIMED), error="SessionNotClaimed", status="failed"),
    Case("runs-beside-itself", (OPEN, NOT_CLAIMED), error="SessionNotClaimed", status="serving"),
    Case(
        "claim-spelled-as-dynamodbs-own-integration-does",
        (OPEN, NOT_CLAIMED),
        error="SessionNotClaimed",
        states={OPEN: [throw("DynamoDB.ConditionalCheckFailedException")]},
    ),
    # The spend guard
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
        states={LAUNCH: [BESIDE_ERRORS], TERMINATE: [give({"TerminatingInstances": []})]},
    ),
    Case(
        "no-spot-capacity",
        (OPEN, KEPT, LAUNCH, FOUND, *NO_GPU),
        error="LaunchRefused",
        states={LAUNCH: [refused("InsufficientInstanceCapacity", "MaxSpotInstanceCountExceeded")]},
    ),
    Case(
        "fleet-without-a-word",
        (OPEN, KEPT, LAUNCH, FOUND, *NO_GPU),
        error="LaunchRefused",
        states={LAUNCH: [refused()]},
    ),
    Case(
        "spot-then-on-demand",
        (OPEN, KEPT, LAUNCH, FOUND, LAUNCH, FOUND, WAIT, SERVE, *DOWN, OVER),
        request={"allow_on_demand": True},
        states={LAUNCH: [refused("InsufficientInstanceCapacity")]},
    ),
    Case(
        "unknown-refusal-then-on-demand",
        (OPEN, KEPT, LAUNCH, FOUND, LAUNCH, FOUND, WAIT, SERVE, *DOWN, OVER),
        request={"allow_on_demand": True},
        states={LAUNCH: [refused("PendingVerification")]},
    ),
    Case(
        "no-capacity-at-all",
        (OPEN, KEPT, LAUNCH, FOUND, LAUNCH, FOUND, *NO_GPU),
        error="LaunchRefused",
        request={"allow_on_demand": True},
        states={LAUNCH: [refused("UnfulfillableCapacity"), refused("InsufficientInstanceCapacity")]},
    ),
    Case(
        "spot-quota-then-on-demand-quota",
        (OPEN, KEPT, LAUNCH, FOUND, LAUNCH, FOUND, *NO_GPU),
        error="LaunchRefused",
        request={"allow_on_demand": True},
        states={LAUNCH: [refused("MaxSpotInstanceCountExceeded"), refused("VcpuLimitExceeded")]},
    ),
    Case(
        "not-authorized",
        (OPEN, KEPT, LAUNCH, FOUND, *NO_GPU),
        error="LaunchRefused",
        states={LAUNCH: [refused("UnauthorizedOperation")]},
    ),
    Case(
        "unknown-refusals",
        (OPEN, KEPT, LAUNCH, FOUND, LAUNCH, FOUND, *NO_GPU),
        error="LaunchRefused",
        request={"allow_on_demand": True},
        states={LAUNCH: [refused("InsufficientFreeAddressesInSubnet"), refused("SomethingNew")]},
    ),
    Case(
        "refusal-that-close-session-names",
        (OPEN, KEPT, LAUNCH, FOUND, *NO_GPU),
        error="NoGpuCapacity",
        states={LAUNCH: [refused("InsufficientInstanceCapacity")], CLOSE: [NAMED]},
    ),
    # A learned order of zones and types
    Case("learned-order", NORMAL, pools=pools(*LAST_FIRST)),
    Case("learned-order-of-one-pool", NORMAL, pools=pools("g5.xlarge#us-east-1a")),
    Case("learned-order-of-pools-that-are-gone", NORMAL, pools=pools("p5.large#us-east-1f")),
    Case("known-and-no-better", NORMAL, pools=pools()),
    Case("order-that-nobody-understands", NORMAL, pools={"S": "?"}),
    Case(
        "learned-order-that-ec2-sells-nothing-in",
        (OPEN, KEPT, LAUNCH, FOUND, LAUNCH, FOUND, WAIT, SERVE, *DOWN, OVER),
        pools=pools(*LAST_FIRST),
        states={LAUNCH: [EMPTY]},
    ),
    Case(
        "learned-order-that-ec2-refuses",
        (OPEN, KEPT, LAUNCH, *LOOK, LAUNCH, FOUND, WAIT, SERVE, *DOWN, OVER),
        pools=pools(*LAST_FIRST),
        states={LAUNCH: [throw("Ec2.Ec2Exception", sdk_text("The parameter is invalid.", "Ec2", 400))]},
    ),
    Case(
        "learned-order-then-ec2s-own-then-on-demand",
        (OPEN, KEPT, LAUNCH, FOUND, LAUNCH, FOUND, LAUNCH, FOUND, WAIT, SERVE, *DOWN, OVER),
        request={"allow_on_demand": True},
        pools=pools(*LAST_FIRST),
        states={LAUNCH: [EMPTY, EMPTY]},
    ),
    Case(
        "learned-order-and-a-relaunch",
        (*UP, SERVE, WORK, INTERRUPTED, LOST, LAUNCH, FOUND, WAIT, SERVE, *DOWN, OVER),
        worker=(HEALTHY, failure("SpotInterrupted"), HEALTHY, success(outcome="idle")),
        pools=pools(*LAST_FIRST),
        work_waits=True,
    ),
    # Its last rung
    Case(
        "no-capacity-and-no-bedrock",
        (OPEN, KEPT, LAUNCH, FOUND, MAY, *NOTHING_LAUNCHED),
        error="LaunchRefused",
        states={LAUNCH: [refused("InsufficientInstanceCapacity")]},
        substitutions={"HasBedrock": "false"},
    ),
    Case(
        "bedrock-fails-too",
        (OPEN, KEPT, LAUNCH, FOUND, MAY, BEDROCK, *NOTHING_LAUNCHED),
        error="LaunchRefused",
        states={LAUNCH: [refused("MaxSpotInstanceCountExceeded")], BEDROCK: [throw("MissingSetting")]},
    ),
    # Launches that fail as calls
    *(
        Case(
            f"call-refused-{name}",
            (OPEN, KEPT, LAUNCH, *LOOK, *NO_GPU),
            error="LaunchRefused",
            states={LAUNCH: [throw("Ec2.Ec2Exception", sdk_text(sentence, "Ec2", status))]},
        )
        for name, (sentence, status) in SENTENCES.items()
    ),
    Case(
        "call-refused-then-on-demand",
        (OPEN, KEPT, LAUNCH, *LOOK, LAUNCH, FOUND, WAIT, SERVE, *DOWN, OVER),
        request={"allow_on_demand": True},
        states={LAUNCH: [INTERNAL]},
    ),
    Case(
        "call-refused-twice",
        (OPEN, KEPT, LAUNCH, *LOOK, LAUNCH, *LOOK, *NO_GPU),
        error="LaunchRefused",
        request={"allow_on_demand": True},
        states={LAUNCH: [INTERNAL, INTERNAL]},
    ),
    Case(
        "call-refused-and-launched-all-the-same",
        (OPEN, KEPT, LAUNCH, *LOOK, WAIT, SERVE, *DOWN, OVER),
        states={LAUNCH: [INTERNAL]},
        already_launched=True,
    ),
    Case(
        "launch-without-an-answer-that-launched",
        (OPEN, KEPT, LAUNCH, *LOOK, WAIT, SERVE, *DOWN, OVER),
        request={"allow_on_demand": True},
        states={LAUNCH: [throw("States.Timeout")]},
        already_launched=True,
    ),
    Case(
        "launch-without-an-answer",
        (OPEN, KEPT, LAUNCH, *LOOK, MAY, *NOTHING_LAUNCHED),
        error="States.Timeout",
        request={"allow_on_demand": True},
        states={LAUNCH: [throw("States.Timeout")]},
    ),
    Case(
        "on-demand-without-an-answer",
        (OPEN, KEPT, LAUNCH, FOUND, LAUNCH, *LOOK, MAY, *NOTHING_LAUNCHED),
        error="Ec2.SdkClientException",
        request={"allow_on_demand": True},
        states={LAUNCH: [refused("InsufficientInstanceCapacity"), throw("Ec2.SdkClientException")]},
    ),
    Case(
        "launched-gpus-cannot-be-found",
        (OPEN, KEPT, LAUNCH, *LOOK[:2], *NOTHING_LAUNCHED),
        error="LaunchRefused",
        states={LAUNCH: [INTERNAL], FIND: [throw("Ec2.Ec2Exception", "Request limit exceeded.")]},
    ),
    # Published images
    Case("image-is-published", (OPEN, KEPT, IMAGE, *UP[2:], SERVE, *DOWN, OVER), states={IMAGE: [PUBLISHED]}, **KEEPS),
    Case("no-image-is-published", (OPEN, KEPT, IMAGE, *UP[2:], SERVE, *DOWN, OVER), **KEEPS),
    Case(
        "nobody-knows-whether-an-image-is-published",
        (OPEN, KEPT, IMAGE, *UP[2:], SERVE, *DOWN, OVER),
        states={IMAGE: [throw("Ssm.InternalServerErrorException")]},
        **KEEPS,
    ),
    Case(
        "published-image-is-gone",
        (OPEN, KEPT, IMAGE, LAUNCH, FOUND, *UP[2:], SERVE, *DOWN, OVER),
        states={IMAGE: [give({"Parameter": {"Value": "ami-gone"}})]},
        **KEEPS,
    ),
    Case(
        "published-image-is-refused-as-api-error",
        (OPEN, KEPT, IMAGE, LAUNCH, *LOOK, *UP[2:], SERVE, *DOWN, OVER),
        states={IMAGE: [PUBLISHED], LAUNCH: [GONE]},
        **KEEPS,
    ),
    Case(
        "no-capacity-for-a-published-image",
        (OPEN, KEPT, IMAGE, LAUNCH, FOUND, *UP[2:], SERVE, *DOWN, OVER),
        request={"allow_on_demand": True},
        states={IMAGE: [PUBLISHED], LAUNCH: [refused("InsufficientInstanceCapacity")]},
        **KEEPS,
    ),
    Case(
        "published-image-does-not-boot-and-work-waits",
        (OPEN, KEPT, IMAGE, *UP[2:], WORK, INTERRUPTED, LOST, *UP[2:], SERVE, *DOWN, OVER),
        worker=(failure("BootFailed"), HEALTHY, success(outcome="idle")),
        work_waits=True,
        states={IMAGE: [PUBLISHED]},
        **KEEPS,
    ),
    Case(
        "published-image-never-boots-and-work-waits",
        (OPEN, KEPT, IMAGE, *UP[2:], UNFIT, WORK, INTERRUPTED, LOST, *UP[2:], SERVE, *DOWN, OVER),
        worker=(failure("BootFailedForGood"), HEALTHY, success(outcome="idle")),
        work_waits=True,
        states={IMAGE: [PUBLISHED]},
        **KEEPS,
    ),
    Case(
        "published-image-does-not-boot-and-nothing-waits",
        (OPEN, KEPT, IMAGE, *UP[2:], WORK, INTERRUPTED, *DOWN, FAILED),
        error="BootFailed",
        worker=(failure("BootFailed"),),
        states={IMAGE: [PUBLISHED]},
        **KEEPS,
    ),
    Case(
        "interrupted-while-a-published-image-boots",
        (OPEN, KEPT, IMAGE, *UP[2:], WORK, INTERRUPTED, LOST, *UP[2:], SERVE, *DOWN, OVER),
        worker=(failure("SpotInterrupted"), HEALTHY, success(outcome="idle")),
        work_waits=True,
        states={IMAGE: [PUBLISHED]},
        **KEEPS,
    ),
    Case("bake-begins-with-the-base-image", NORMAL, request={"allow_on_demand": False, "bake": True}, **KEEPS),
    # Booting
    Case("ended-while-booting", (*UP, *DOWN, OVER), worker=(failure("SessionEndRequested"),)),
    Case(
        "boot-failed-and-nothing-waits",
        (*UP, WORK, INTERRUPTED, *DOWN, FAILED),
        error="BootFailed",
        worker=(failure("BootFailed", "the engine exited with 1"),),
    ),
    Case(
        "boot-failed-for-good-is-not-tried-again-although-work-waits",
        (*UP, UNFIT, *DOWN, FAILED),
        error="BootFailed",
        worker=(failure("BootFailedForGood", "manifest unknown"),),
        work_waits=True,
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
        (*UP, SERVE, WORK, INTERRUPTED, LOST, *UP[2:], SERVE, *DOWN, OVER),
        worker=(HEALTHY, failure("SpotInterrupted"), HEALTHY, success(outcome="idle")),
        work_waits=True,
    ),
    Case(
        "interrupted-again-and-again",
        (*UP, SERVE, WORK, INTERRUPTED, LOST, *UP[2:], SERVE, WORK, INTERRUPTED, *DOWN, FAILED),
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
        (*UP, SERVE, WORK, INTERRUPTED, LOST, *UP[2:], SERVE, *DOWN, OVER),
        worker=(HEALTHY, failure("EngineFailed"), HEALTHY, success(outcome="idle")),
        work_waits=True,
    ),
    Case(
        "relaunch-tries-spot-first-again",
        (OPEN, KEPT, LAUNCH, FOUND, *UP[2:], SERVE, WORK, INTERRUPTED, LOST, *UP[2:], SERVE, *DOWN, OVER),
        request={"allow_on_demand": True},
        worker=(HEALTHY, failure("EngineFailed"), HEALTHY, success(outcome="idle")),
        work_waits=True,
        states={LAUNCH: [refused("InsufficientInstanceCapacity")]},
    ),
    Case(
        "no-capacity-for-the-relaunch",
        (*UP, SERVE, WORK, INTERRUPTED, LOST, LAUNCH, FOUND, *NO_GPU),
        error="LaunchRefused",
        worker=(HEALTHY, failure("SpotInterrupted")),
        work_waits=True,
        states={
            LAUNCH: [BESIDE_ERRORS, refused("InsufficientInstanceCapacity")],
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
        states={LOST: [throw("Ec2.Ec2Exception", "Request limit exceeded.")]},
    ),
    # After the termination
    Case(
        "gpu-cannot-be-terminated",
        (*NORMAL[:-1], FAILED),
        error="Ec2.Ec2Exception",
        states={TERMINATE: [throw("Ec2.Ec2Exception", "Request limit exceeded.")]},
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
        "cost-nothing",
        (OPEN, KEPT, LAUNCH, FOUND, MAY, BEDROCK, CLOSE, STORE, TELL, WELL, FAILED),
        error="NoGpuCapacity",
        states={
            LAUNCH: [refused("InsufficientInstanceCapacity")],
            CLOSE: [give({"Payload": {"error": "NoGpuCapacity", "notification": None}})],
        },
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
