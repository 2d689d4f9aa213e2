"""What can happen to a machine, on order: for tests, for bench and for trying out the worker by hand."""

import os
import signal
import time
from datetime import UTC, datetime

from local.instances.places import Places, read_json, write_json

NOTICE_S = 120  # EC2 announces a spot interruption two minutes ahead


class NoSuchMachine(Exception):
    """There is no such machine, or it cannot suffer this; the text says which."""


def interrupt(places: Places, instance_id: str, in_seconds: float = NOTICE_S) -> dict[str, object]:
    """Announces a spot interruption in the machine's metadata; the host terminates the instance at that time."""
    machine = _machine(places, instance_id)
    if machine["lifecycle"] != "spot":
        raise NoSuchMachine(f"{instance_id} is {machine['lifecycle']}: EC2 interrupts spot instances only")
    now = time.time()
    notice = {"action": "terminate", "time": _iso(now + in_seconds), "noticed": _iso(now), "at": now + in_seconds}
    write_json(places.spot_notice(instance_id), notice)
    return notice


def has_read_notice(places: Places, instance_id: str) -> bool:
    """Whether the machine knows that it will be interrupted."""
    return places.read_notice(instance_id).exists()


def kill(places: Places, instance_id: str, unit: str) -> int:
    """kill -9 of a machine's `worker` or `engine`; returns its process id."""
    pid = _machine(places, instance_id)[unit]
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        raise NoSuchMachine(f"the {unit} of {instance_id} runs no longer") from None
    return pid


def set_pace(places: Places, tokens_per_s: float | None) -> None:
    """How fast every paced engine is from now on; 0 holds its streams. While a pace is set, machines that boot have a
    paced engine. None: the model again, for those."""
    if tokens_per_s is None:
        places.pace.unlink(missing_ok=True)
    else:
        places.instances.mkdir(parents=True, exist_ok=True)
        write_json(places.pace, tokens_per_s)


def machines(places: Places) -> dict[str, dict[str, object]]:
    """Every machine that has booted, by instance id."""
    found = {path.parent.name: read_json(path) for path in places.instances.glob("*/machine.json")}
    return {instance_id: machine for instance_id, machine in found.items() if machine}


def _machine(places: Places, instance_id: str) -> dict[str, object]:
    machine = read_json(places.processes(instance_id))
    if machine is None:
        known = ", ".join(machines(places)) or "none"
        raise NoSuchMachine(f"no machine runs for {instance_id} (running: {known})")
    return machine


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
