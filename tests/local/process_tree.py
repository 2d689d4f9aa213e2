"""What the processes of a cloud are and where they listen, by Linux's /proc."""

import contextlib
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

LISTENS = "0A"  # the kernel's TCP_LISTEN


def descendants(pid: int) -> dict[int, str]:
    """All processes below that one, by process id; the name of each."""
    parents: dict[int, tuple[int, str]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "stat").read_text()
        except OSError:
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        parents[int(process.name)] = (int(rest.split()[1]), name)
    found: dict[int, str] = {}
    while new := {one: name for one, (parent, name) in parents.items() if parent in {pid, *found} and one not in found}:
        found |= new
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def listening(pids: Iterable[int]) -> list[str]:
    """Every address at which one of these processes takes TCP connections: `127.0.0.1:8080`, `[::]:8080`."""
    ours = {inode for pid in pids for inode in _sockets(pid)}
    return sorted(
        _address(local)
        for table in ("tcp", "tcp6")
        for _, local, _, state, *_, inode in map(_fields, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if state == LISTENS and inode in ours
    )


def _fields(line: str) -> list[str]:
    return line.split()[:10]


def _sockets(pid: int) -> Iterable[str]:
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            if (target := str(descriptor.readlink())).startswith("socket:["):
                yield target[len("socket:[") : -1]


def _address(text: str) -> str:
    """Of the kernel's form: 32-bit words in the machine's order, and the port."""
    host, _, port = text.partition(":")
    words = [int(host[at : at + 8], 16) for at in range(0, len(host), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(packed) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, packed)}:{int(port, 16)}"
    return f"[{socket.inet_ntop(socket.AF_INET6, packed)}]:{int(port, 16)}"
