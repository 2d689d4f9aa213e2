"""Runs the host, or does something to one of its machines.

    python -m local.instances                                   the host, until SIGTERM or Ctrl-C
    python -m local.instances list                              the machines that run, as JSON
    python -m local.instances interrupt <instance> [--in 120]   a spot interruption, announced that many seconds ahead
    python -m local.instances kill-worker <instance>            kill -9
    python -m local.instances kill-engine <instance>
    python -m local.instances pace 28                           engines of 28 tokens a second and stream from now on
    python -m local.instances pace model                        the model again, for machines that boot from now on

AWS_ENDPOINT_URL is the emulator's address; AWS_ACCESS_KEY_ID and the rest are the host's own credentials.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from local.instances import faults
from local.instances.engine import ENGINE_THREADS, EngineOptions
from local.instances.places import STATE, Places


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.instances", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--state", type=Path, default=STATE, help="directory of the laptop's cloud (default: .local)")
    parser.add_argument("--pace", type=float, help="tokens a second of paced engines, which stand in for the model")
    parser.add_argument("--threads", type=int, default=ENGINE_THREADS, help="of each engine")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("list")
    interrupt = commands.add_parser("interrupt")
    interrupt.add_argument("instance")
    interrupt.add_argument("--in", dest="seconds", type=float, default=faults.NOTICE_S)
    for name in ("kill-worker", "kill-engine"):
        commands.add_parser(name).add_argument("instance")
    pace = commands.add_parser("pace")
    pace.add_argument("tokens_per_s", type=lambda text: None if text == "model" else float(text))
    return parser.parse_args()


def say(text: str) -> None:
    now = time.time()
    print(f"{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now % 1 * 1000):03d} {text}", flush=True)


async def serve(places: Places, engine: EngineOptions) -> None:
    from local.instances.host import Host, HostFailed, alone  # boto3 takes 0.3 s, and the other commands need none

    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"  # everything that it speaks to is on this machine
    running = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        with alone(places):
            await Host(places, say, engine).run()
    except asyncio.CancelledError:
        return
    except HostFailed as problem:
        sys.exit(f"instances: {problem}")


def main() -> int:
    args = arguments()
    places = Places(args.state.resolve())
    try:
        if args.command is None:
            asyncio.run(serve(places, EngineOptions(args.pace, args.threads)))
        elif args.command == "list":
            print(json.dumps(faults.machines(places), indent=2))
        elif args.command == "interrupt":
            notice = faults.interrupt(places, args.instance, args.seconds)
            print(f"{args.instance} will be interrupted at {notice['time']}")
        elif args.command == "pace":
            faults.set_pace(places, args.tokens_per_s)
        else:
            unit = args.command.removeprefix("kill-")
            print(f"killed the {unit} of {args.instance}, process {faults.kill(places, args.instance, unit)}")
    except faults.NoSuchMachine as problem:
        print(f"instances: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
