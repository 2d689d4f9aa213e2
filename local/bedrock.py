"""`python -m local.bedrock --socket 3 --log FILE`: the model behind the laptop's Bedrock.

On AWS this model costs nothing while nobody asks it. Here the engine, which needs a processor and 300 MB, is started by
the first request and ended when nobody has asked for two minutes; until then this is one small process that listens.
Connections are passed through as they are. What the emulator makes of them: local/patches/bedrock_converse.py.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from local.ports import Port
from local.processes import LOOPBACK, Child, Failed, answers

ROOT = Path(__file__).resolve().parents[1]
HEALTHY_S = 60.0
IDLE_S = 120.0
READ_BYTES = 64 << 10
# Two at once keep two cores busy; 2,048 tokens are what a GPU instance of the laptop has for each. The paced engine
# computes nothing, and AWS's Bedrock keeps nobody waiting for a slot.
SLOTS, PACED_SLOTS, CONTEXT, THREADS = 2, 256, 2048, "2"


class Model:
    """The engine, as long as somebody needs it."""

    def __init__(self, engine: Sequence[str], log: Path, idle_s: float, slots: int = SLOTS) -> None:
        """`engine`: its module, and what it is told besides the port and its size."""
        self._engine, self._log, self._idle_s, self._slots = engine, log, idle_s, slots
        self._child: Child | None = None
        self._port: Port | None = None
        self._starting = asyncio.Lock()
        self._open = 0
        self._asked_at = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            there, to_there = await asyncio.open_connection(LOOPBACK, await self._ready())
            await asyncio.gather(_pass_on(reader, to_there), _pass_on(there, writer))
        except (OSError, Failed) as problem:
            print(f"bedrock: {problem}", flush=True)
        finally:
            writer.close()  # without a byte: an error to the emulator
            self._open -= 1
            self._asked_at = asyncio.get_running_loop().time()

    async def rest(self) -> None:
        """Ends the engine whenever it has been idle long enough."""
        while True:
            await asyncio.sleep(min(1.0, self._idle_s))
            idle = asyncio.get_running_loop().time() - self._asked_at
            if self._child and not self._open and idle > self._idle_s:
                self.stop()

    def stop(self) -> None:
        if self._child:
            self._child.stop()
            self._child = None
        if self._port:
            self._port.close()
            self._port = None

    async def _ready(self) -> int:
        async with self._starting:
            if self._child is None or self._child.ended():
                self.stop()
                self._port = Port()
                self._child = self._start(self._port.leave())
                await self._healthy(self._child, self._port.number)
            assert self._port is not None
            return self._port.number

    def _start(self, port: int) -> Child:
        options = {"--port": port, "--slots": self._slots, "--context": CONTEXT}
        command = [sys.executable, "-m", *self._engine, *(str(word) for pair in options.items() for word in pair)]
        child = Child(
            "bedrock's engine",
            command,
            log=self._log,
            directory=ROOT,
            environment=dict(os.environ),
            stop_signal=signal.SIGKILL,  # it has nothing to save
        )
        child.start()
        return child

    async def _healthy(self, child: Child, port: int) -> None:
        deadline = asyncio.get_running_loop().time() + HEALTHY_S
        while not await asyncio.to_thread(answers, f"http://{LOOPBACK}:{port}/health"):
            if ended := child.ended():
                raise Failed(f"The engine is gone: {ended}")
            if asyncio.get_running_loop().time() > deadline:
                child.stop()
                raise Failed(f"The engine is not healthy after {HEALTHY_S:g} s.")
            await asyncio.sleep(0.05)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one of them is closed."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(READ_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.bedrock", description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of what it listens on")
    parser.add_argument("--log", type=Path, required=True, help="of the engine")
    parser.add_argument("--pace", help="tokens a second of a paced engine, which stands in for the model")
    parser.add_argument("--pace-file", type=Path, help="a file that holds the pace of a paced engine while it exists")
    parser.add_argument("--threads", default=THREADS, help="of the engine")
    parser.add_argument("--idle", type=float, default=IDLE_S, help="seconds until the engine is ended")
    options = parser.parse_args()
    pace = ("--pace", options.pace) if options.pace else ()
    file = ("--pace-file", str(options.pace_file)) if options.pace and options.pace_file else ()
    slots = PACED_SLOTS if options.pace else SLOTS
    model = Model(("local.engine", "--threads", options.threads, *pace, *file), options.log, options.idle, slots)
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    server = await asyncio.start_server(model.serve, sock=socket.socket(fileno=options.socket))
    resting = asyncio.create_task(model.rest())
    try:
        await over.wait()
    finally:
        resting.cancel()
        server.close()
        model.stop()


if __name__ == "__main__":
    asyncio.run(main())
