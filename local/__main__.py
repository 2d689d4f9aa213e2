"""The laptop's cloud from the command line.

python -m local up      starts everything and deploys; runs until Ctrl-C
python -m local demo    one conversation from request to shut-down GPU, then ends everything
python -m local inbox   the notifications that the running cloud has sent
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import Any

from local.processes import Failed
from local.state import LOCAL, ROOT, State

sys.path.insert(0, str(ROOT / "src"))  # the table's keys have one spelling, also for what the deployment writes


def say(text: str) -> None:
    print(text, flush=True)


def interrupt(number: int, frame: Any) -> None:
    """SIGTERM and a closed terminal end us as Ctrl-C does; while we are ending, more of it changes nothing."""
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt


def up(directory: Path, fresh: bool = False) -> int:
    from local.cloud import running
    from local.deploy import PARAMETERS
    from local.keep import Kept

    kept = Kept(directory / "kept")
    if fresh:
        with State(directory).claim():
            kept.forget()
    with running(directory, say, kept=kept) as cloud:
        outputs = cloud.outputs
        say("")
        say(f"  Page       {outputs['page_url']}")
        say(f"  Sign in    {outputs['username']}  {outputs['password']}")
        say(f"  API        {outputs['api_url']}")
        say(f"  API key    {outputs['api_key']}")
        say(f"  WebSocket  {outputs['websocket_url']}")
        say(f"  AWS        {outputs['aws_endpoint_url']}  (stack {outputs['stack_name']})")
        say(f"  Inbox      {cloud.inbox.url}  or: .venv/bin/python -m local inbox")
        say(f"  Traces     {cloud.traces.url}  why something was slow: the last 100")
        say(f"  Files      {cloud.state.outputs}, logs in {cloud.state.logs}")
        say(f"  Model      {PARAMETERS['ModelId']}, a small stand-in for Mistral 7B: do not trust its geography")
        say("\nIt runs until Ctrl-C. Conversations, files, password and keys are kept for the next time, unless it is")
        say("`make up FRESH=1`. The addresses of API and WebSocket, and what PostgreSQL has, are new each time.")
        while True:
            time.sleep(1)
            cloud.check()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--state", type=Path, help="directory of this cloud (default: .local; for demo .local/demo)")
    parser.add_argument("command", choices=("up", "demo", "demo-voice", "inbox"))
    parser.add_argument("--fresh", action="store_true", help="up: forgets what was kept of the last time")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        if arguments.command == "up":
            return up((arguments.state or LOCAL).resolve(), arguments.fresh)
        if arguments.command == "demo":
            from local.demo import demo

            return demo((arguments.state or LOCAL / "demo").resolve(), say)
        if arguments.command == "demo-voice":
            from local.demo_voice import demo_voice

            return demo_voice((arguments.state or LOCAL / "demo-voice").resolve(), say)
        from local.inbox import show

        say(show(State((arguments.state or LOCAL).resolve()).inbox))
    except Failed as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nEnded.")
        # Who was asked to end and did so has not failed; a demonstration that was cut short has.
        return 0 if arguments.command == "up" else 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
