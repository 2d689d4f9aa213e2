"""A cold start: from a new interpreter's first line of ours to the first call of AWS.

Each handler as it is deployed, with the package's bytecode, and with one of its sample events: import alone would say
little, because what a handler needs is imported when it is first called.
"""

import json
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.figures import Figure, Verdict, figure, ratios

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / ".local" / "package" / "files"  # what is deployed: our code, its dependencies, their bytecode
WEB = ROOT / ".local" / "package" / "web"  # what one function's package has besides
PYTHON = ROOT / ".local" / "worker" / "bin" / "python"
PROGRAM = Path(__file__).with_name("cold_program.py")
HANDLERS = sorted(path.stem for path in (ROOT / "src" / "foreverus" / "handlers").glob("[!_]*.py"))
RUNS = 10
MOST_MS = 400
MOST_OPENAI = 1.2  # times the API's function: it imports a web server, and fewer rooms
LEAST_RUNS = 9  # of the slowest handler's, under MOST_MS
CALL_NOBODY = {"publish_site"}  # it looks first for the page's files, which its own package has
PARTS = ("foreverus", "botocore", "boto3", "urllib3", "dateutil", "jmespath", "fastjsonschema", "jsonschema", "httpx")


def measure(runs: int = RUNS) -> Iterator[Figure]:
    """Processor time decides: the start waits for nothing, and Lambda's processor is its own. Beside others it grows by
    a quarter, because they take the caches. The clock's time is shown too, because that is what people feel."""
    subprocess.run(["make", "--silent", "-C", str(ROOT / "src"), "package"], check=True)
    clock: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    imported: dict[str, list[float]] = defaultdict(list)
    for _ in range(runs):  # round by round: no handler has the machine's bad minute to itself
        for handler in HANDLERS:
            took = _start(handler)
            clock[handler].append(took["whole"][0])
            cpu[handler].append(took["whole"][1])
            imported[handler].append(took["import"][1])
    slowest = max(HANDLERS, key=lambda handler: median(cpu[handler]))
    yield figure(
        "cold_start",
        cpu[slowest],
        MOST_MS,
        what=f"processor time from a cold start to the first call of AWS, the slowest handler ({slowest})",
        unit="ms",
        waited=[1 - own / whole for own, whole in zip(cpu[slowest], clock[slowest], strict=True)],
        handlers_ms={handler: round(median(times), 1) for handler, times in cpu.items()},
        import_alone_ms={handler: round(median(times), 1) for handler, times in imported.items()},
        parts_ms=breakdown(_import_times(slowest)),
    )
    yield runs_figure(slowest, clock[slowest], cpu[slowest])
    yield figure(
        "cold_start_openai",
        ratios(cpu["chat_completions"], cpu["api"]),
        MOST_OPENAI,
        what="processor time of a cold start, OpenAI's chat API with its web server / the API's function",
        unit="x",
    )


def runs_figure(handler: str, clock_ms: list[float], cpu_ms: list[float]) -> Figure:
    """How many runs were fast enough. Too few on the clock are undecided while the processor's time is good: then it
    was the machine that took the rest."""
    kept, kept_cpu = (sum(ms <= MOST_MS for ms in times) for times in (clock_ms, cpu_ms))
    least = LEAST_RUNS * len(clock_ms) / RUNS
    return Figure(
        name="cold_start_runs",
        what=f"runs under {MOST_MS} ms by the clock, of {len(clock_ms)}, the slowest handler ({handler})",
        unit="runs",
        value=kept,
        lowest=kept,
        highest=kept_cpu,
        limit=least,
        at_least=True,
        verdict=Verdict.GOOD if kept >= least else Verdict.UNDECIDED if kept_cpu >= least else Verdict.BAD,
        detail={"clock_ms": [round(ms, 1) for ms in clock_ms]},
    )


def _start(handler: str, *options: str) -> dict[str, list[float]]:
    done = _run(handler, *options)
    taken = dict(json.loads(done.stdout.splitlines()[-1]))
    if not taken.pop("reached") and handler not in CALL_NOBODY:
        raise RuntimeError(f"{handler} calls nothing: {done.stdout} {done.stderr}")
    return taken


def _run(handler: str, *options: str) -> "subprocess.CompletedProcess[str]":
    event = min((ROOT / "events" / handler).glob("good*.json"))
    command = [str(PYTHON), "-B", *options, str(PROGRAM), handler, str(event)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)


def environment() -> dict[str, str]:
    """Every variable that a function of the template may need. Nothing is there: nothing is called."""
    names = re.findall(r"\b([A-Z][A-Z_]+): ", (ROOT / "template.yaml").read_text())
    arn = "arn:aws:rds:us-east-1:123456789012:cluster:bench"
    aws = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    url = {"WEBSOCKET_CALLBACK_URL": "https://x.execute-api.us-east-1.amazonaws.com/v1"}
    # As Lambda says it of a request that is traced; what is sent there goes nowhere.
    traced = {
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9",
        "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
    }
    words = {"CHAT_BACKEND": "auto", "MODEL_ID": "mistral-7b-instruct-v0.3", "VOICE": "off"}
    words |= {"SAGEMAKER_ENDPOINT": "", "GPU_MODEL_SEES": ""}
    return {
        **dict.fromkeys(names, "0"),
        "DATABASE_CLUSTER_ARN": arn,
        "DATABASE_SECRET_ARN": arn,
        **url,
        **aws,
        **words,
        **traced,
    } | {"PYTHONPATH": os.pathsep.join((str(PACKAGE), str(WEB), str(ROOT)))}


def _import_times(handler: str) -> str:
    return _run(handler, "-X", "importtime").stderr


def breakdown(log: str) -> dict[str, float]:
    """Milliseconds of imports by who brought them, from `-X importtime`; `other` is the standard library, most of it.

    >>> breakdown("import time:       500 |   900 |   botocore.client\\nimport time: 1500 | 1500 | json")
    {'botocore': 0.5, 'other': 1.5}
    """
    parts: dict[str, float] = defaultdict(float)
    for own, name in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", log, re.MULTILINE):
        package = name.partition(".")[0]
        parts[package if package in PARTS else "other"] += int(own) / 1000
    return {name: round(ms, 1) for name, ms in parts.items()}
