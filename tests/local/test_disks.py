"""The instance's own disk, mounted for real in a namespace of its own: image and weights land on it."""

import subprocess
from pathlib import Path

import pytest

from tests.local.real_machine import impossible
from tests.template.machine_files import packaged
from tests.template.test_machine import stand_in

pytestmark = pytest.mark.skipif(bool(impossible()), reason=impossible())

# A disk of 1 MB stands in for the 250 GB; what is written where docker, containerd and the engine write lands on it.
SCRIPT = """
mount -t tmpfs -o size=1m own-disk "$ROOT/opt/dlami/nvme" || exit 9
bash "$0" || exit 8
for place in var/lib/docker var/lib/containerd opt/foreverus/weights; do
  echo "$place" > "$ROOT/$place/file" && df --output=source "$ROOT/$place/file" | tail -1
done
find "$ROOT/opt/dlami/nvme" -type f | sort
"""


def test_what_is_written_lands_on_the_instances_own_disk(tmp_path: Path) -> None:
    root, programs = tmp_path / "root", tmp_path / "bin"
    for folder in ("etc/foreverus", "opt/dlami/nvme", "opt/foreverus", "var/lib/docker"):
        (root / folder).mkdir(parents=True)
    (root / "etc/foreverus/machine.env").write_text("KEEP_ON_VOLUME=\n")
    stand_in(programs, "systemctl", "exit 0")
    env = {"PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin", "ROOT": str(root)}
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", SCRIPT, packaged("disks.sh")], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    nvme = root / "opt/dlami/nvme"
    files = [f"{nvme}/{name}/file" for name in ("containerd", "docker", "weights")]
    assert done.stdout.splitlines() == ["own-disk"] * 3 + files
    assert not list((root / "var/lib/docker").iterdir()), "nothing of it is on the volume"
