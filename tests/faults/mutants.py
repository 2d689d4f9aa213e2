"""The harness can fail: what keeps the promises is broken, one piece at a time, in a copy of the sources, and must be
caught by the cases that are there for it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.state import ROOT
from tests.faults import results

# What a copy needs and is not built anew. The page is copied, because a build may write into its folder.
LINKED = (".venv", ".local/ministack", ".local/worker")
PACKAGE = ".local/package"  # what the Lambdas need besides our code: copied if it is there, installed otherwise
COPIED = (
    PACKAGE,
    "src",
    "local",
    "statemachines",
    "tests",
    "requirements",
    "frontend/dist",
    "template.yaml",
    "samconfig.toml",
)
FAIL_S = 300.0


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in that file; `run`: what must notice, as arguments of tests.faults."""

    name: str
    file: str
    old: str
    new: str
    run: tuple[str, ...]


MACHINE = "statemachines/gpu_session.asl.json"
TERMINATE = (
    '"Type": "Task",\n      "Resource": "arn:${Partition}:states:::aws-sdk:ec2:%s",\n'
    '      "TimeoutSeconds": 60,\n      "Arguments": {\n        "InstanceIds": "{%% $instances %%}"\n      },\n'
    '      "Assign": {\n        "terminated_at"'
)
LOST = '"ErrorEquals": ["SpotInterrupted", "EngineFailed", "States.HeartbeatTimeout", "States.Timeout"],'
CAUGHT = '\n          "Assign": { "error": "{% $states.errorOutput %}" },\n          "Next": '
REAPING = "src/foreverus/sessions/reaping.py"
MUTANTS = (
    Mutant(
        "way 1: the Terminate state looks and does not terminate",
        MACHINE,
        TERMINATE % "terminateInstances",
        TERMINATE % "describeInstances",
        ("--ways", "terminate_state"),
    ),
    Mutant(
        "way 2: a lost heartbeat is not caught",
        MACHINE,
        f'{LOST}{CAUGHT}"Is work waiting?"',
        f'{LOST}{CAUGHT}"Session failed"',
        ("--ways", "catch"),
    ),
    Mutant(
        "way 3: the reaper hears of a failed execution and terminates nothing",
        REAPING,
        "if gpu.session_id == session_id]",
        "if gpu.session_id == session_id and False]",
        ("--ways", "reaper_event"),
    ),
    Mutant(
        "way 4: the sweep finds no orphan",
        REAPING,
        "    if not running and age > GRACE:",
        "    if not running and age > 100 * GRACE:",
        ("--ways", "reaper_sweep"),
    ),
    Mutant(
        "way 5: a worker goes on after a refused heartbeat",
        "src/foreverus/worker/watch.py",
        'self.shutdown.begin(session_lost(f"The state machine refused a heartbeat: {err}"))',
        'log.warning("refused: %r", err)',
        ("--ways", "refused_heartbeat"),
    ),
    Mutant(
        "way 5: the power timer is armed for ten times as long",
        "template.yaml",
        "--on-active=${MaxSessionSeconds}s ${BootTimeoutSeconds}s",
        "--on-active=${MaxSessionSeconds}0s ${BootTimeoutSeconds}0s",
        ("--ways", "power_timer"),
    ),
    Mutant(
        "the conditional save: a final answer is written over",
        "src/foreverus/conversations/answer_writes.py",
        '_NOT_FINAL = "attribute_not_exists(#status) OR NOT #status IN (:answered, :failed)"',
        '_NOT_FINAL = "attribute_not_exists(#status) OR #status <> :answered OR #status <> :failed"',
        (
            "--only",
            "call:Instance:dynamodb:TransactWriteItems@Serve=lost.storm",
            "call:Instance:dynamodb:TransactWriteItems@Serve=lost.once",
            "strike:execution_stopped@answering",
            "strike:message_duplicated@answering",
        ),
    ),
    Mutant(
        "the visibility extension: a message in work comes back",
        "src/foreverus/worker/consumer.py",
        "await self.run_blocking(self.queue.hide, held, self.visibility_s)",
        "pass",
        ("--only", "long"),
    ),
    Mutant(
        "the relaunch bound: a session buys one GPU after the other",
        MACHINE,
        "$attempt < ${MaxRelaunches}",
        "$attempt < 100 + ${MaxRelaunches}",
        ("--only", "strike:every_worker_killed@answering"),
    ),
    Mutant(
        "resume by custom_id: a shard begins with its first line again",
        "src/foreverus/batches/shards/reading.py",
        "if number not in self.finished]",
        "if number > 0]",
        ("--only", "batch/strike:worker_killed@last"),
    ),
    Mutant(
        "the sweep over open batches: one whose execution is over is left alone",
        "src/foreverus/sweeps/batches.py",
        "if status == RUNNING:",
        "if status:",
        ("--only", "batch_lost/"),
    ),
    Mutant(
        "a stopped answer's words go on while its end is saved",
        "src/foreverus/conversations/bedrock/writing.py",
        "                await stop(writing)  # no word more is shown than is kept\n",
        "",
        ("--only", "stop_bedrock/"),
    ),
)


@contextmanager
def mutated(mutant: Mutant | None) -> Iterator[Path]:
    """A copy of the sources with that change (or none), for as long as the block runs."""
    place = Path(tempfile.mkdtemp(prefix="foreverus-mutant-"))
    place.chmod(0o755)
    try:
        for name in COPIED:
            source, copy = ROOT / name, place / name
            if name == PACKAGE and not source.exists():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        for name in LINKED:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).symlink_to(ROOT / name)
        if mutant is not None:
            file = place / mutant.file
            text = file.read_text()
            if text.count(mutant.old) != 1:
                raise ValueError(f"{mutant.name}: {mutant.file} has changed; this mutant must follow")
            file.write_text(text.replace(mutant.old, mutant.new))
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def play(mutant: Mutant | None, run: tuple[str, ...]) -> tuple[int, str]:
    """Exit status and output of the harness in the copy."""
    with mutated(mutant) as place:
        environment = {**os.environ, "PYTHONPATH": str(place / "src")}
        command = [str(place / ".venv" / "bin" / "python"), "-m", "tests.faults", "--unsaved", *run]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=FAIL_S)
        return done.returncode, done.stdout + done.stderr


def main(names: list[str], save: bool = True) -> int:
    """0 when every mutant was caught: the cases that are there for it ran, and said what is violated."""
    caught: dict[str, bool] = {}
    wanted = [one for one in MUTANTS if not names or any(name in one.name for name in names)]
    for mutant in wanted:
        begun = time.monotonic()
        try:
            status, output = play(mutant, mutant.run)
        except subprocess.TimeoutExpired:
            status, output = -1, f"not over after {FAIL_S:.0f} s"
        noticed = status == 1 and "violated" in output and "the harness failed" not in output
        caught[mutant.name] = noticed
        print(f"{'caught' if noticed else 'MISSED':7} {time.monotonic() - begun:5.0f} s  {mutant.name}", flush=True)
        shown = [line.strip() for line in output.splitlines() if "violated" in line or line.startswith("      ")]
        print(
            "\n".join(f"        {line[:160]}" for line in (shown[:4] if noticed else output.splitlines()[-15:])),
            flush=True,
        )
    if save and not names:
        results.save({"mutants": {name: {"caught": noticed} for name, noticed in caught.items()}})
    print(f"{sum(caught.values())} of {len(wanted)} mutants caught")
    return 0 if all(caught.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
