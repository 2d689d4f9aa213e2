"""Where the host keeps things, below the checkout's own `.local`."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".local"


@dataclass(frozen=True)
class Places:
    state: Path = STATE

    @property
    def instances(self) -> Path:
        return self.state / "instances"

    @property
    def packages(self) -> Path:
        return self.state / "packages"

    @property
    def logs(self) -> Path:
        return self.state / "logs" / "instances"

    @property
    def pace(self) -> Path:
        """The paced engine's tokens a second. Machines that boot while it is there have that engine (local/engine)."""
        return self.instances / "pace"

    def machine(self, instance_id: str) -> Path:
        """Exists from boot to end: one that is found when the host starts is of a machine that was cut off."""
        return self.instances / instance_id

    def processes(self, instance_id: str) -> Path:
        """JSON of a live machine: `worker` and `engine` (process ids), `engine_url`, `metadata_url`, `lifecycle`."""
        return self.machine(instance_id) / "machine.json"

    def units(self, instance_id: str) -> Path:
        """A file for each of the machine's units that says how it is: see foreverus/worker/units.py."""
        return self.machine(instance_id) / "units"

    def spot_notice(self, instance_id: str) -> Path:
        """JSON: `action`, `time` and `noticed` as EC2 shows them, `at` in epoch seconds. None until it is ordered."""
        return self.machine(instance_id) / "spot-notice.json"

    def read_notice(self, instance_id: str) -> Path:
        """Is there once the machine has read its notice."""
        return self.spot_notice(instance_id).with_suffix(".read")


def write_json(path: Path, value: Any) -> None:
    """Moved into place, so that a reader sees all of it or none."""
    new = path.with_suffix(f".{os.getpid()}.new")
    new.write_text(json.dumps(value))
    new.replace(path)


def read_json(path: Path) -> Any:
    """None when it is not there."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
