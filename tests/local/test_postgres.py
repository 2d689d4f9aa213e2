"""The laptop's PostgreSQL: made, stopped, started again; reachable on loopback, with a password only."""

import json
import subprocess
from pathlib import Path

import pytest

from local.postgres import Postgres, binaries
from local.processes import listens

pytestmark = pytest.mark.cloud


def ask(postgres: Postgres, sql: str, password: str | None = None) -> subprocess.CompletedProcess[str]:
    place = json.loads(postgres.connection_file.read_text())
    return subprocess.run(
        [
            *(binaries() / "bin" / "psql", "-h", place["host"], "-p", str(place["port"])),
            *("-U", place["superuser"], "-d", "postgres", "-w", "-At", "-c", sql),
        ],
        env={"PGPASSWORD": place["password"] if password is None else password},
        capture_output=True,
        text=True,
    )


def test_data_outlives_a_stop_and_nothing_outlives_the_end(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path, tmp_path / "log")
    try:
        postgres.start()
        assert ask(postgres, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)").returncode == 0
        postgres.stop()
        assert not listens(postgres.port)
        postgres.start()
        assert ask(postgres, "SELECT id FROM kept").stdout.strip() == "7"
        assert ask(postgres, "SHOW listen_addresses").stdout.strip() == "127.0.0.1"
        assert "password authentication failed" in ask(postgres, "SELECT 1", password="guess").stderr
    finally:
        postgres.close()
    assert not listens(postgres.port)
    assert not postgres.connection_file.exists()


def test_root_in_a_private_place_can_run_it_too(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    postgres = Postgres(private, tmp_path / "log")
    try:
        postgres.start()
        assert ask(postgres, "SELECT 1").stdout.strip() == "1"
    finally:
        postgres.close()
    assert postgres.temporary is None or not postgres.temporary.exists()
