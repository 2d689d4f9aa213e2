"""The database's shape, as SQL files in the order of their names; applied once each, in one transaction each."""

import re
from importlib.resources import files

from foreverus.aws.data_api import Database

MASTER = "foreverus"  # the cluster's master user, who owns the tables
RESULTS_ROLE = "foreverus_results"  # what results are written as (007)
ERASER_ROLE = "foreverus_eraser"  # what takes people out (008)
SEARCHER_ROLE = "foreverus_searcher"  # what searches one person's messages, and sees no table (011)
DOCUMENTS_ROLE = "foreverus_documents"  # what keeps chunks of one person's documents, and finds them (014)


def available() -> dict[str, str]:
    """`{"001_history": <sql>}`, in order."""
    found = {entry.name.removesuffix(".sql"): entry for entry in files(__package__).iterdir()}
    return {
        name: found[name].read_text(encoding="utf-8") for name in sorted(found) if found[name].name.endswith(".sql")
    }


def statements(sql: str) -> list[str]:
    """The Data API takes one statement a call. Our files have no semicolons within statements or comments, but between
    two `$$`.

    >>> statements("-- why\\nCREATE TABLE a (b int);\\n\\nSELECT 1;")
    ['CREATE TABLE a (b int)', 'SELECT 1']
    """
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    found, quoted = [""], False
    for part in re.split(r"(\$\$|;)", "\n".join(lines)):
        quoted ^= part == "$$"
        if part == ";" and not quoted:
            found.append("")
        else:
            found[-1] += part
    return [statement for part in found if (statement := part.strip())]


def migrate(database: Database) -> list[str]:
    """Applies what is missing and returns its names. Two deployments at once wait for each other (advisory lock)."""
    database.wait_until_available()
    database.execute(
        "CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
    )
    applied = []
    for name, sql in available().items():
        with database.transaction():
            database.execute("SELECT 1 FROM pg_advisory_xact_lock(20261121)")
            if database.execute("SELECT 1 FROM migrations WHERE name = :name", {"name": name}):
                continue
            for statement in statements(sql):
                database.execute(statement)
            database.execute("INSERT INTO migrations (name) VALUES (:name)", {"name": name})
            applied.append(name)
    return applied
