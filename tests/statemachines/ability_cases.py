"""Every path of ability_run, named for what happens. A state that is not mentioned does its real call."""

from tests.statemachines.ability_machine import READY, AbilityCase
from tests.statemachines.machine import SILENCE, failure, give, success, throw

BEGIN, START, STARTED = "Begin", "Start task", "Did it start?"
READINESS, SERVE, STOP = "Wait until ready", "Serve", "Stop task"
SPOT, CLOSE, WELL = "Was it on Spot?", "Close run", "Did it end well?"
OVER, FAILED = "Run over", "Run failed"

ON = (START, STARTED, READINESS)
ENDED = (STOP, SPOT, CLOSE, WELL)
NO_ROOM = throw("ECS.AmazonECSException", "Capacity is unavailable at this time.")
NOTHING = give({"Tasks": [], "Failures": [{"Reason": "Capacity is unavailable at this time."}]})
AGAIN = (STOP, SPOT, *ON)  # on Spot no longer

CASES = [
    AbilityCase("idle", (BEGIN, *ON, SERVE, *ENDED, OVER)),
    AbilityCase("spot-is-taken-away", (BEGIN, *ON, SERVE, *ENDED, OVER), task=(READY, success(outcome="told_to_stop"))),
    AbilityCase("longest-life", (BEGIN, *ON, SERVE, *ENDED, OVER), task=(READY, success(outcome="longest_life"))),
    # Spot has no room, or what it has never gets ready
    AbilityCase(
        "no-room-on-spot",
        (BEGIN, START, SPOT, *ON, SERVE, *ENDED, OVER),
        states={START: [NO_ROOM]},
    ),
    AbilityCase(
        "no-room-on-spot-and-no-error",
        (BEGIN, START, STARTED, SPOT, *ON, SERVE, *ENDED, OVER),
        states={START: [NOTHING]},
    ),
    AbilityCase(
        "not-ready-on-spot",
        (BEGIN, *ON, *AGAIN, SERVE, *ENDED, OVER),
        task=(SILENCE, READY, success(outcome="idle")),
        substitutions={"ReadySeconds": "2"},
    ),
    # nowhere
    AbilityCase(
        "no-room-anywhere",
        (BEGIN, START, SPOT, START, SPOT, CLOSE, WELL, FAILED),
        error="ECS.AmazonECSException",
        states={START: [NO_ROOM, NO_ROOM]},
        task=(),
    ),
    AbilityCase(
        "no-room-anywhere-and-no-error",
        (BEGIN, START, STARTED, SPOT, START, STARTED, SPOT, CLOSE, WELL, FAILED),
        error="ECS.AmazonECSException",
        states={START: [NOTHING, NOTHING]},
        task=(),
    ),
    AbilityCase(
        "its-engines-do-not-work",
        (BEGIN, *ON, *AGAIN, *ENDED, FAILED),
        error="States.Timeout",
        task=(SILENCE, SILENCE),
        substitutions={"ReadySeconds": "1"},
    ),
    # it stops before it is ready, and ECS tells
    AbilityCase(
        "taken-away-while-it-starts",
        (BEGIN, *ON, *AGAIN, SERVE, *ENDED, OVER),
        task=(failure("TaskLost"), READY, success(outcome="idle")),
    ),
    AbilityCase(
        "image-cannot-be-fetched",
        (BEGIN, *ON, *ENDED, FAILED),
        error="ContainerCannotStart",
        task=(failure("ContainerCannotStart"),),
    ),
    AbilityCase(
        "taken-away-and-then-cannot-start",
        (BEGIN, *ON, *AGAIN, *ENDED, FAILED),
        error="ContainerCannotStart",
        task=(failure("TaskLost"), failure("ContainerCannotStart")),
    ),
    AbilityCase("told-to-stop-while-it-starts", (BEGIN, *ON, *ENDED, OVER), task=(failure("TaskToldToStop"),)),
    AbilityCase("another-run-is-on", (BEGIN, *ON, *AGAIN, *ENDED, FAILED), error=True, run_of="run_other", task=()),
    # lost while it served
    AbilityCase(
        "heartbeat-lost",
        (BEGIN, *ON, SERVE, *ENDED, FAILED),
        error="States.HeartbeatTimeout",
        task=(READY, SILENCE),
        substitutions={"HeartbeatSeconds": "1"},
    ),
    AbilityCase(
        "does-not-end",
        (BEGIN, *ON, SERVE, *ENDED, FAILED),
        error="States.Timeout",
        states={SERVE: [throw("States.Timeout")]},
    ),
    AbilityCase(
        "stops-while-it-serves",
        (BEGIN, *ON, SERVE, *ENDED, FAILED),
        error="TaskLost",
        task=(READY, failure("TaskLost")),
    ),
    AbilityCase("task-fails", (BEGIN, *ON, SERVE, *ENDED, FAILED), error="Broken", task=(READY, failure("Broken"))),
    # what ends it fails
    AbilityCase(
        "cannot-be-stopped",
        (BEGIN, *ON, SERVE, *ENDED, OVER),
        states={STOP: [throw("Ecs.ServerException")] * 9},
        left_on=True,
    ),
    AbilityCase(
        "cannot-be-closed",
        (BEGIN, *ON, SERVE, *ENDED, FAILED),
        error="TaskStillRunning",
        states={CLOSE: [throw("TaskStillRunning")] * 9},
    ),
    AbilityCase(
        "first-error-is-the-runs",
        (BEGIN, *ON, SERVE, *ENDED, FAILED),
        error="Broken",
        task=(READY, failure("Broken")),
        states={CLOSE: [throw("TaskStillRunning")] * 9},
    ),
]  # fmt: skip
