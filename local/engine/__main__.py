"""`python -m local.engine --port 8000`: serves OpenAI's HTTP API with a real model until SIGTERM or SIGINT.

`/health` refuses connections, then says 503 while it loads, then 200. A wrong model name in a request is accepted, as
llama.cpp does. Without a system message this small model babbles: callers send one.

With `--pace 28` no model answers: 28 tokens a second for each stream, whatever else the machine does. `--pace-file`
names a file that may hold another pace, and may change it at any time; if it exists at the start, that is enough.

    python -m local.engine --port 8000 --slots 256 --context 4096 --pace 28
"""

import argparse
import os
import sys
from pathlib import Path

from local.engine import llama
from local.engine.pace import LOAD_S, PACE, read_pace

ROOT = Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.engine", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1")
    parser.add_argument("--slots", type=int, default=8, help="requests answered at the same time")
    parser.add_argument("--context", type=int, default=2048, help="tokens of each slot")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--nice", type=int, default=0, help="0 to 19: how readily it leaves the processor to others")
    parser.add_argument("--model-id", default="SmolLM2-135M-Instruct", help="the name that /v1/models shows")
    parser.add_argument("--pace", type=float, help="tokens a second of each stream, without a model")
    parser.add_argument(
        "--pace-file", type=Path, help="a file that holds the pace while it exists; 0 holds all streams"
    )
    parser.add_argument("--like-vllm", action="store_true", help="refuses what vLLM refuses; with a pace only")
    parser.add_argument("--load-seconds", type=float, default=LOAD_S, help="503 for so long; with a pace only")
    parser.add_argument("--weights", type=Path, help="another GGUF file, for tests of load and of contracts")
    parser.add_argument(
        "--stamp", type=Path, default=ROOT / ".local" / "engine" / "weights.json", help=argparse.SUPPRESS
    )
    return parser.parse_args()


def main() -> int:
    args = arguments()
    os.nice(args.nice)
    if args.pace is None and read_pace(args.pace_file) is None:
        return llama.run(args)
    import asyncio  # with the server it takes 60 ms, and a real engine needs none of it

    from local.engine import paced

    options = paced.Options(
        port=args.port,
        model_id=args.model_id,
        slots=args.slots,
        context=args.context,
        pace=PACE if args.pace is None else args.pace,
        pace_file=args.pace_file,
        load_s=args.load_seconds,
        like_vllm=args.like_vllm,
    )
    asyncio.run(paced.run(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
