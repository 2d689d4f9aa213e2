"""What stands in the conversations that are measured."""

from tests.browser.fake_cloud import FakeCloud

ANSWER = """A queue keeps **order**: what comes first is taken first. For `n` messages that is:

1. put at the end, in *O(1)*
2. taken from the front

```python
from collections import deque
waiting = deque([{n}])
first = waiting.popleft()
```

| | queue | stack |
|---|---|---|
| takes | the oldest | the newest |

So number {n} waits until the {n} before it are gone, however long that takes, and nobody is forgotten on the way.
"""
WORDS = ["Of", "queues", "it", "is", "said", "that", "the", "**first**", "in", "is", "the", "`first`", "out"]


def talk(cloud: FakeCloud, conversation_id: str, exchanges: int) -> list[str]:
    """The texts of its messages."""
    for n in range(1, exchanges + 1):
        cloud.accept(
            conversation_id, {"content": f"Question {n}: how does a queue work?"}, f"key-{conversation_id}-{n}"
        )
        cloud.messages[conversation_id][-1].update(content=ANSWER.replace("{n}", str(n)), status="answered")
    return [one["content"] for one in cloud.messages[conversation_id]]


def pieces(tokens: int, at_once: int) -> list[str]:
    """An answer of so many words, as a worker pushes it: a few at once, a paragraph every forty."""
    words = [WORDS[n % len(WORDS)] + ("\n\n" if n % 40 == 39 else " ") for n in range(tokens)]
    return ["".join(words[at : at + at_once]) for at in range(0, tokens, at_once)]
