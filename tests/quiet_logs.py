"""After all that the tests have done with a cloud: none of its logs and traces has what people wrote, what a model
answered, or a secret. Looked for are all texts that the table holds by then, what tests have planted where the table
never holds it, and what secrets look like."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from local.cloud import Cloud
from local.instances.places import Places

# Attributes of the table's items that hold people's words or a model's.
WORDS = ("content", "text", "title", "system", "first_words", "prompt")
IN_ADDRESSES = "pwned"  # markup that tests put into addresses too, and an address is logged
# What no table keeps: prompts of OpenAI's API and of batches' lines, and an answer of the engine that counts.
PLANTED_PROMPT = "The keeper of the lighthouse at Cabo Branco tells nobody."
PLANTED_LAST = 40
PLANTED_ANSWER = " ".join(map(str, range(1, PLANTED_LAST + 1)))
LEAST_CHARACTERS = 20  # a shorter text may stand in a log by chance
SECRETS = {
    "an API key": re.compile(r"\bfu_[A-Za-z0-9]{20,}"),
    "a token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}"),
    "a header with a credential": re.compile(r"Bearer\s+[\w.~+/-]{20,}"),
    "a secret of AWS": re.compile(r"(?i)aws_?secret_?access_?key\W{1,6}[\w/+]{20,}"),
}


def breaches(cloud: Cloud) -> list[str]:
    """`place: what`, each once; empty is good."""
    words = sorted({*_texts(cloud), PLANTED_PROMPT, PLANTED_ANSWER})
    found: dict[str, None] = {}
    for place, text in _logs(cloud):
        for what, secret in SECRETS.items():
            if match := secret.search(text):
                found[f"{place}: {what}, {match[0][:12]}…"] = None
        for said in words:
            if said in text:
                found[f"{place}: {said!r}"] = None
    return list(found)


def _texts(cloud: Cloud) -> Iterator[str]:
    """As they are, and as JSON writes them in a line of a log, both ways."""
    pages = cloud.emulator.client("dynamodb").get_paginator("scan")
    for page in pages.paginate(TableName=cloud.stack["TableName"]):
        for item in page["Items"]:
            for name in WORDS:
                text = item.get(name, {}).get("S", "")
                start = text.strip()[:60]
                if len(start) >= LEAST_CHARACTERS and IN_ADDRESSES not in start:
                    yield start
                    yield json.dumps(start)[1:-1]
                    yield json.dumps(start, ensure_ascii=False)[1:-1]


def _logs(cloud: Cloud) -> Iterator[tuple[str, str]]:
    client = cloud.emulator.client("logs")
    for groups in client.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            name = group["logGroupName"]
            events = client.get_paginator("filter_log_events").paginate(logGroupName=name)
            yield name, "\n".join(event["message"] for page in events for event in page["events"])
    with urllib.request.urlopen(f"{cloud.emulator.url}/_foreverus/traces") as traces:
        yield "X-Ray", traces.read().decode()
    for path in sorted(Places(Path(cloud.state.directory)).logs.glob("*.log")):  # of the GPU machines
        yield path.name, path.read_text(errors="replace")
