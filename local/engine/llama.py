"""llama.cpp's own server with a real model, in this process."""

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from local.engine import weights

DRAIN_S = 10.0  # longest wait for open streams at the end
LAST_BYTES_S = 0.5  # a slot is free a moment before its last bytes are in the socket, a longer one on a busy laptop


def start(args: argparse.Namespace, path: Path):
    """Loads the model and serves it; returns when it is healthy."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {args.model_id}
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    params.n_parallel = args.slots
    params.n_ctx = args.slots * args.context  # llama.cpp divides the total among its slots
    params.cpuparams.n_threads = args.threads
    params.cpuparams_batch.n_threads = args.threads
    params.endpoint_metrics = True
    params.cache_ram_mib = 0  # its default keeps up to 8 GiB of old prompts in memory
    params.sse_ping_interval = 1  # seconds; also how soon it notices that a reader has gone
    params.fit_params = False  # looking for a context that fits costs 0.35 s, and ours is given
    params.ui = False
    # All hardware is left at its defaults: on a Mac the layers go to Metal, elsewhere to the CPU.
    return xllamacpp.Server(params)


def drain(server, seconds: float) -> None:
    """Waits until no request is being answered or waiting, at most `seconds`.

    A server that is torn down under an open stream hangs for 30 s and ends the stream without `[DONE]`.
    """
    deadline = time.monotonic() + seconds
    was_busy = False
    while is_busy(server) and time.monotonic() < deadline:
        was_busy = True
        time.sleep(0.05)
    if was_busy:
        time.sleep(LAST_BYTES_S)


def is_busy(server) -> bool:
    lines = server.handle_metrics().splitlines()
    counts = ("llamacpp:requests_processing ", "llamacpp:requests_deferred ")
    return any(float(line.split()[1]) > 0 for line in lines if line.startswith(counts))


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit status."""
    try:
        path = args.weights or weights.find()
        if args.weights is None:
            weights.verify(path, args.stamp)
            if args.context > weights.TRAINED_CONTEXT:
                raise weights.WeightsMissing(
                    f"{weights.FILE} has a context of {weights.TRAINED_CONTEXT} tokens at most"
                )
    except weights.WeightsMissing as problem:
        print(f"engine: {problem}", file=sys.stderr)
        return 1
    started = time.monotonic()
    server = start(args, path)
    took = time.monotonic() - started

    # Handlers are set only now: Python runs none while the library loads, and until here dying at once is right.
    stop = threading.Event()

    def end(*_) -> None:
        if stop.is_set():  # somebody is in a hurry
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    print(f"engine: healthy on http://127.0.0.1:{args.port} after {took:.2f} s", flush=True)
    while not stop.wait(1):
        pass  # a signal that one of the library's threads got is seen when this one wakes up
    # The library may not answer even how busy it is: no end waits for that.
    drained = threading.Thread(target=drain, args=(server, DRAIN_S), daemon=True)
    drained.start()
    drained.join(DRAIN_S + 2 * LAST_BYTES_S)
    # Not the library's own teardown, which joins connections that clients keep alive.
    os._exit(0)
