"""A real machine for user data: systemd as its first process, the real cloud-init, no network at all.

systemd-nspawn boots a root of its own over this machine's /usr (read-only). cloud-init's own units run there in their
own order and read the user data from a NoCloud seed; the EC2 data source is the only thing that differs from AWS.
"""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PATIENCE_S = 300
UNITS = ("cloud-init-local.service", "cloud-init.service", "cloud-config.service", "cloud-final.service")
# Debian's and Ubuntu's order, without what belongs to real hardware.
CLOUD_CFG = """\
datasource_list: [NoCloud, None]
disable_root: false
cloud_init_modules: [bootcmd, write-files]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user]
"""
FILES = {
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",  # an empty one would enable every unit there is
    "etc/os-release": "ID=debian\n",
    "etc/hostname": "gpu\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files systemd\ngroup: files systemd\nhosts: files\n",
    "etc/cloud/cloud.cfg": CLOUD_CFG,
    "var/lib/cloud/seed/nocloud/meta-data": "instance-id: i-1\n",
}


@functools.cache
def impossible() -> str:
    """Why no real machine can ever run here; empty when one can."""
    if sys.platform != "linux":
        return "systemd is Linux's"
    if os.geteuid() != 0:
        return "only root may boot a machine in a namespace"
    if not all(Path("/", name).is_symlink() for name in ("bin", "sbin", "lib")):
        return "/bin, /sbin and /lib are not in /usr on this system"
    unshare = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "true"]
    tried = subprocess.run(unshare, capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"no namespaces here: {tried.stderr.strip()}"


def missing() -> str:
    """What would have to be installed; empty when nothing is missing."""
    names = [name for name in ("systemd-nspawn", "cloud-init") if not shutil.which(name)]
    return f"not installed: {', '.join(names)} (apt-get install systemd systemd-container cloud-init)" if names else ""


class RealMachine:
    """One that is on. `log` is a directory that it shares with us as /log."""

    def __init__(self, root: Path, log: Path, started: float, process: "subprocess.Popen[bytes]", console: IO[bytes]):
        self.root = root
        self.log = log
        self.started = started
        self._process = process
        self._console = console

    @property
    def is_on(self) -> bool:
        return self._process.poll() is None

    def seconds_until_off(self) -> float:
        """Waits until it has switched itself off; seconds since it was switched on."""
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the machine is still on after {PATIENCE_S} s\n{self.console()}") from None
        return time.monotonic() - self.started

    def wait_for(self, name: str) -> str:
        """Waits until it has written that file in /log, and returns it."""
        while not (self.log / name).exists():
            assert self.is_on, f"the machine is off and has not written {name}\n{self.console()}"
            assert time.monotonic() - self.started < PATIENCE_S, f"no {name}\n{self.console()}"
            time.sleep(0.05)
        return (self.log / name).read_text()

    def console(self) -> str:
        self._console.seek(0)
        return self._console.read().decode(errors="replace")[-8000:]

    def press_power_button(self) -> None:
        """As EC2 does when an instance is terminated: an orderly shutdown, which systemd-nspawn begins at a SIGTERM."""
        self._process.terminate()

    def cut(self) -> None:
        if self.is_on:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextmanager
def booted(user_data: str, binds: dict[Path, str] | None = None) -> Iterator[RealMachine]:
    """Switches a machine with this user data on; its power is cut afterwards if it is still on."""
    place = Path(tempfile.mkdtemp(prefix="foreverus-machine-"))
    root, log = place / "root", place / "log"
    log.mkdir()
    _make_root(root, user_data)
    command = ["systemd-nspawn", "--quiet", "--boot", "--console=pipe", "--register=no", "--keep-unit"]
    command += ["--private-network", f"--directory={root}", "--bind-ro=/usr", f"--bind={log}:/log", "--machine=gpu"]
    command += [f"--bind-ro={path}:{inside}" for path, inside in (binds or {}).items()]
    console = (place / "console").open("w+b")
    started = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    machine = RealMachine(root, log, started, process, console)
    try:
        yield machine
    finally:
        machine.cut()
        console.close()
        shutil.rmtree(place, ignore_errors=True)


def _make_root(root: Path, user_data: str) -> None:
    for name in ("usr", "etc", "var", "tmp", "run", "proc", "sys", "dev", "root", "opt", "log", "source"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    for path, text in {**FILES, "var/lib/cloud/seed/nocloud/user-data": user_data}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    units = root / "etc/systemd/system"
    (units / "cloud-init.target.wants").mkdir(parents=True)
    (units / "multi-user.target.wants").mkdir()
    for name in UNITS:
        (units / "cloud-init.target.wants" / name).symlink_to(f"/lib/systemd/system/{name}")
    (units / "multi-user.target.wants/cloud-init.target").symlink_to("/lib/systemd/system/cloud-init.target")
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
    for name in ("getty.target", "console-getty.service", "systemd-resolved.service", "systemd-networkd.service"):
        (units / name).symlink_to("/dev/null")
