"""The keys of what people arrange for themselves, in the DynamoDB table. `keys.py` has its others."""

from foreverus.aws.keys import Key, person_partition


def pin_key(user_id: str, conversation_id: str) -> Key:
    """That the person has pinned it, found without looking at the others."""
    return {"pk": person_partition(user_id), "sk": f"PINNED#{conversation_id}"}


def memories_key(user_id: str) -> Key:
    """What they want remembered. Not with their other items: who reads it with a question writes none of it."""
    return {"pk": f"MEMORIES#{user_id}", "sk": "MEMORIES"}


def documents_partition(user_id: str) -> str:
    """Their documents: of those who read and index them, and who look whose a passage is, and nobody else."""
    return f"DOCUMENTS#{user_id}"


def document_key(user_id: str, document_id: str) -> Key:
    return {"pk": documents_partition(user_id), "sk": document_id}


def documents_count_key(user_id: str) -> Key:
    """How many there are, and their bytes. Sorts before every id."""
    return {"pk": documents_partition(user_id), "sk": "COUNT"}


UNCOPIED_PEOPLE = "UNCOPIED#PEOPLE"
# Whose partitions have what PostgreSQL has a copy of (`results/people.py`): before the person's id.
_COPIED = ("PREFERENCES#", "MEMORIES#", "DOCUMENTS#")


def uncopied_person_key(user_id: str) -> Key:
    """That something of theirs has changed since PostgreSQL had it."""
    return {"pk": UNCOPIED_PEOPLE, "sk": user_id}


def person_of_copied(partition: str) -> str:
    """Whose it is, of what PostgreSQL has a copy of; else empty.

    >>> person_of_copied("MEMORIES#ana"), person_of_copied("USER#ana")
    ('ana', '')
    """
    return next((partition.removeprefix(one) for one in _COPIED if partition.startswith(one)), "")


def ready_documents_key(user_id: str) -> Key:
    """Which of them can be asked. Not with them: who reads it with a question sees no name and no list of them."""
    return {"pk": f"READY_DOCUMENTS#{user_id}", "sk": "READY"}


def prompt_key(user_id: str, prompt_id: str) -> Key:
    """One of their library."""
    return {"pk": person_partition(user_id), "sk": f"PROMPT#{prompt_id}"}


def prompts_count_key(user_id: str) -> Key:
    """How many there are."""
    return {"pk": person_partition(user_id), "sk": "PROMPTS"}
