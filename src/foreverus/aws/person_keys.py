"""The keys of what people arrange for themselves, in the DynamoDB table. `keys.py` has its others."""

from foreverus.aws.keys import Key, person_partition


def pin_key(user_id: str, conversation_id: str) -> Key:
    """That the person has pinned it, found without looking at the others."""
    return {"pk": person_partition(user_id), "sk": f"PINNED#{conversation_id}"}


def memories_key(user_id: str) -> Key:
    """What they want remembered. Not with their other items: who reads it with a question writes none of it."""
    return {"pk": f"MEMORIES#{user_id}", "sk": "MEMORIES"}


def prompt_key(user_id: str, prompt_id: str) -> Key:
    """One of their library."""
    return {"pk": person_partition(user_id), "sk": f"PROMPT#{prompt_id}"}


def prompts_count_key(user_id: str) -> Key:
    """How many there are."""
    return {"pk": person_partition(user_id), "sk": "PROMPTS"}
