"""What a deletion does not reach, and for how many days: shown with the deletion and in docs/security.md. Pure."""

from typing import NamedTuple


class Kept(NamedTuple):
    """`days`: after these it is gone by itself."""

    where: str
    what: str
    days: int


POINT_IN_TIME_DAYS = 35  # DynamoDB's own period where PointInTimeRecovery is on and no other is asked for
AURORA_BACKUP_DAYS = 1  # template.yaml: BackupRetentionPeriod
EXECUTIONS_DAYS = 90  # Step Functions keeps the history of a closed standard execution so long
QUEUE_DAYS = 14  # template.yaml: MessageRetentionPeriod of the queues of dead letters
LATEST_SETTLED_DAYS = 1  # idempotency keys, and parts of uploads that nobody has finished


def kept(log_days: int, has_database: bool) -> list[Kept]:
    """The longest first. Nobody can take one person's out of these."""
    aurora = [Kept("Aurora backups", "what PostgreSQL had before the deletion", AURORA_BACKUP_DAYS)]
    found = [
        Kept("Step Functions histories", "random ids, no text", EXECUTIONS_DAYS),
        Kept("DynamoDB point-in-time recovery", "what the table had before the deletion", POINT_IN_TIME_DAYS),
        Kept("logs", "random ids, no text", log_days),
        Kept("queues", "random ids, no text", QUEUE_DAYS),
        Kept("idempotency keys and unfinished uploads", "digests, and parts of files", LATEST_SETTLED_DAYS),
        Kept("programs' requests to a GPU", "what was asked in the twenty minutes before", LATEST_SETTLED_DAYS),
        *(aurora if has_database else []),
    ]
    return sorted(found, key=lambda one: -one.days)
