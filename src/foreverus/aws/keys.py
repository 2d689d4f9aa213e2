"""The keys of the DynamoDB table but for those of WebSockets (`socket_keys.py`), of what people arrange for themselves
(`person_keys.py`), and of when something was asked (`demand_keys.py`). `credential_keys.py` has the small table's.

Nothing else spells a key: docs/architecture.md has the tables of items.
"""

import hashlib

Key = dict[str, str]

SESSIONS = "SESSIONS"
PENDING = "PENDING"
PENDING_ON_BEDROCK = "PENDING#BEDROCK"
BATCHES = "BATCHES"  # the open ones
PACE = "PACE"
CAPACITY = "CAPACITY"
GPUS = "GPU"
NO_SESSION = "none"  # in place of the id of the session that answered


def session_key(session_id: str) -> Key:
    return {"pk": SESSIONS, "sk": session_id}


def gpu_slot_key(slot: int) -> Key:
    """Whoever holds it may have a GPU. Slot 0 is everybody's; the others are for batches and crowds worth it."""
    return {"pk": GPUS, "sk": f"SLOT#{slot}"}


GPU_SLOT = gpu_slot_key(0)


def ledger_partition(month: str) -> str:
    """`month`: `2026-11`. One item a session beside the total, so that a session is counted once."""
    return f"LEDGER#{month}"


def ledger_total_key(month: str) -> Key:
    return {"pk": ledger_partition(month), "sk": "TOTAL"}


def ledger_entry_key(month: str, session_id: str) -> Key:
    return {"pk": ledger_partition(month), "sk": session_id}


def purse_partition(month: str) -> str:
    """What of a month's cap is spent or set aside (costs/purse.py)."""
    return f"PURSE#{month}"


def purse_total_key(month: str) -> Key:
    return {"pk": purse_partition(month), "sk": "TOTAL"}


def reservation_key(month: str, name: str) -> Key:
    """`name`: of a session, of a batch, or of a call."""
    return {"pk": purse_partition(month), "sk": f"RESERVED#{name}"}


def capacity_key(instance_type: str, zone: str) -> Key:
    return {"pk": CAPACITY, "sk": f"{instance_type}#{zone}"}


def conversation_key(user_id: str, conversation_id: str) -> Key:
    return {"pk": f"USER#{user_id}", "sk": f"CONVERSATION#{conversation_id}"}


IDLE_CONVERSATIONS = "IDLE#CONVERSATIONS"


def idle_conversation_key(since: str, conversation_id: str) -> Key:
    """A conversation, by when it was last known to be used."""
    return {"pk": IDLE_CONVERSATIONS, "sk": f"{since}#{conversation_id}"}


def messages_partition(conversation_id: str) -> str:
    return f"CONVERSATION#{conversation_id}"


def question_key(conversation_id: str, message_id: str) -> Key:
    return {"pk": messages_partition(conversation_id), "sk": f"MESSAGE#{message_id}#0"}


def answer_key(conversation_id: str, message_id: str) -> Key:
    return {"pk": messages_partition(conversation_id), "sk": f"MESSAGE#{message_id}#1"}


def replacement_key(conversation_id: str, message_id: str) -> Key:
    """That this question took another one's place, found without reading any question."""
    return {"pk": messages_partition(conversation_id), "sk": f"REPLACEMENT#{message_id}"}


def title_key(conversation_id: str) -> Key:
    """What the model called the conversation."""
    return {"pk": messages_partition(conversation_id), "sk": "TITLE"}


def outbox_partition(kind: str) -> str:
    """`kind`: SESSIONS or BATCHES. Those of them of whose end nobody has been notified yet."""
    return f"UNTOLD#{kind}"


def outbox_key(kind: str, name: str) -> Key:
    return {"pk": outbox_partition(kind), "sk": name}


def owed_deletions_partition(kind: str) -> str:
    """What was deleted and is not gone from every store yet."""
    return f"OWED_DELETIONS#{kind}"


def owed_deletion_key(kind: str, name: str) -> Key:
    return {"pk": owed_deletions_partition(kind), "sk": name}


ERASURES = "ERASURES"


def erasure_key(receipt_id: str) -> Key:
    """The receipt of somebody's deletion: what went, and nothing of whom."""
    return {"pk": ERASURES, "sk": receipt_id}


def bedrock_throttled_key() -> Key:
    """Until when Bedrock is not asked again after it has refused."""
    return {"pk": "BEDROCK", "sk": "THROTTLED"}


def person_partition(user_id: str) -> str:
    """Whatever belongs to one person and is found by who they are."""
    return f"USER#{user_id}"


def preferences_key(user_id: str) -> Key:
    """What a person prefers. Not with their other items: its writer writes no others."""
    return {"pk": f"PREFERENCES#{user_id}", "sk": "PREFERENCES"}


EXPORTS = "EXPORTS"  # those that are being made


def open_export_key(export_id: str) -> Key:
    return {"pk": EXPORTS, "sk": export_id}


def export_key(user_id: str) -> Key:
    """A person's newest export. Not with their other items: its writers write nothing else."""
    return {"pk": f"EXPORT#{user_id}", "sk": "EXPORT"}


def deleted_key(name: str) -> Key:
    """That there was something of this id: it is not made again (`idempotency/deleted.py`)."""
    return {"pk": f"DELETED#{name}", "sk": "DELETED"}


def pending_key(message_id: str) -> Key:
    return {"pk": PENDING, "sk": message_id}


def pending_on_bedrock_key(message_id: str) -> Key:
    """A message that waits for Bedrock: no GPU is kept or bought for it."""
    return {"pk": PENDING_ON_BEDROCK, "sk": message_id}


def answering_key(conversation_id: str) -> Key:
    """Who answers a conversation on Bedrock just now (conversations/lease.py)."""
    return {"pk": f"ANSWERING#{conversation_id}", "sk": "LEASE"}


REQUESTS = "REQUESTS"


def request_key(request_id: str) -> Key:
    """What a program asked a GPU, and its answer: for minutes."""
    return {"pk": f"REQUEST#{request_id}", "sk": "REQUEST"}


def open_request_key(request_id: str) -> Key:
    """That there is one, without its text."""
    return {"pk": REQUESTS, "sk": request_id}


def answered_partition(session_id: str) -> str:
    """What a session answered: one item a message, so that its results can be found again."""
    return f"ANSWERED#{session_id}"


def answered_key(session_id: str, message_id: str) -> Key:
    return {"pk": answered_partition(session_id), "sk": message_id}


def refused_row_key(session_id: str, table: str, key: str) -> Key:
    """A row of what the session did that PostgreSQL does not take."""
    return {"pk": f"REFUSED#{session_id}", "sk": f"{table}#{key}"}


def idempotency_key(user_id: str, scope: str, key: str) -> Key:
    """Where an Idempotency-Key leads: a digest, because clients choose keys of any length."""
    digest = hashlib.sha256("\n".join((user_id, scope, key)).encode()).hexdigest()
    return {"pk": f"IDEMPOTENCY#{digest}", "sk": "IDEMPOTENCY"}


def batch_key(user_id: str, batch_id: str) -> Key:
    return {"pk": f"USER#{user_id}", "sk": f"BATCH#{batch_id}"}


def file_key(user_id: str, file_id: str) -> Key:
    return {"pk": f"USER#{user_id}", "sk": f"FILE#{file_id}"}


EXPIRING_FILES = "EXPIRING#FILES"


def expiring_file_key(expires_at: str, file_id: str) -> Key:
    """A file that is to be deleted then."""
    return {"pk": EXPIRING_FILES, "sk": f"{expires_at}#{file_id}"}


def upload_key(user_id: str, upload_id: str) -> Key:
    return {"pk": f"USER#{user_id}", "sk": f"UPLOAD#{upload_id}"}


def upload_part_key(upload_id: str, part_id: str) -> Key:
    return {"pk": f"UPLOAD#{upload_id}", "sk": f"PART#{part_id}"}


def person_counts_partition(user_id: str) -> str:
    return f"LIMITS#{user_id}"


def person_count_key(user_id: str, kind: str) -> Key:
    """What one person has or does just now, of a kind that has a limit (`limits/records.py`)."""
    return {"pk": person_counts_partition(user_id), "sk": kind}


def usage_partition(month: str) -> str:
    """What people have used in a month, `2026-11` (costs/usage/). Not with their counts: the GPU's worker writes here,
    and not there."""
    return f"USAGE#{month}"


def usage_key(day: str, user_id: str) -> Key:
    """What answering one person has taken on a day, `2026-11-29`."""
    return {"pk": usage_partition(day[:7]), "sk": f"{day}#{user_id}"}


def open_batch_key(batch_id: str) -> Key:
    return {"pk": BATCHES, "sk": batch_id}


def shards_partition(batch_id: str) -> str:
    return f"BATCH#{batch_id}"


def shard_key(batch_id: str, shard: int) -> Key:
    return {"pk": shards_partition(batch_id), "sk": f"SHARD#{shard:05d}"}


def bedrock_round_key(batch_id: str, round_: int) -> Key:
    """That somebody has begun this round on Bedrock (`batches/shards/rounds.py`)."""
    return {"pk": shards_partition(batch_id), "sk": f"ROUND#{round_:05d}"}


def lines_partition(batch_id: str, shard: int) -> str:
    """The finished lines of one shard, and those that engines died of."""
    return f"LINES#{batch_id}#{shard:05d}"


def line_key(batch_id: str, shard: int, line: int) -> Key:
    return {"pk": lines_partition(batch_id, shard), "sk": f"LINE#{line:06d}"}


def suspect_key(batch_id: str, shard: int, line: int) -> Key:
    return {"pk": lines_partition(batch_id, shard), "sk": f"SUSPECT#{line:06d}"}


def speed_key(name: str) -> Key:
    return {"pk": PACE, "sk": name}


LENT_SECRETS = "LENT_SECRETS"


def lent_secret_key(name: str) -> Key:
    """A secret that is there only while somebody needs it (`aws/lent_secrets.py`): its name alone."""
    return {"pk": LENT_SECRETS, "sk": name}


def session_topic(session_id: str) -> str:
    return f"SESSION#{session_id}"


def conversation_topic(conversation_id: str) -> str:
    return f"CONVERSATION#{conversation_id}"


def relay_topic(user_id: str, relay_id: str) -> str:
    """A line on which somebody waits for answers of their own requests. Their id is in it, so that nobody else can
    listen."""
    return f"RELAY#{user_id}#{relay_id}"
