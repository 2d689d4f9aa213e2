"""The table's stream: every change of a session is shown to those who watch it, and looked at for what it costs; of
people it is noted that PostgreSQL has an older copy of them."""

from typing import Any

from foreverus import logs
from foreverus.bootstrap.publish_changes import build
from foreverus.live.changes import changed_sessions, publish
from foreverus.results.changed_people import changed_people
from foreverus.sessions.spend_watch import watch_all


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    logs.start(event, context)
    changed = changed_sessions(event)
    watchers = build()
    try:
        watch_all(changed, watchers.spending)  # first: what it costs waits for no page
    finally:
        frames = publish(changed, watchers.push)
        watchers.people.note(changed_people(event))
    return {"frames": frames}
