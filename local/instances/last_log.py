"""A machine's last lines, as machine/keep_log.sh keeps them: the package's own program, under the instance's role."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LINES = 200  # of each unit
LIMIT_S = 5.0


def journal(logs: Mapping[str, Path]) -> bytes:
    """The units' last lines, as `journalctl --output json` writes them. A file of ours has no times: all are of now."""
    now = str(time.time_ns() // 1000)
    entries = [
        json.dumps({"__REALTIME_TIMESTAMP": now, "_SYSTEMD_UNIT": f"foreverus-{name}.service", "MESSAGE": line})
        for name, log in logs.items()
        if log.exists()
        for line in log.read_text(errors="replace").splitlines()[-LINES:]
    ]
    return "\n".join(entries).encode()


async def keep(command: Sequence[str], environment: Mapping[str, str], lines: bytes, log: Path) -> None:
    """Runs the program with these lines; nobody waits longer than LIMIT_S for it."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output, env=dict(environment)
        )
    try:
        await asyncio.wait_for(process.communicate(lines), LIMIT_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
