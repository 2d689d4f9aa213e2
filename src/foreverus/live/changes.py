"""Sessions that change: the table's stream, turned into frames for those who watch."""

import json
from typing import Any

from foreverus.aws import keys
from foreverus.aws.attribute_values import from_attribute_values
from foreverus.aws.push import Frame, Push, send_all
from foreverus.sessions.items import session_from_item
from foreverus.sessions.records import Session
from foreverus.sessions.views import public_session


def changed_sessions(event: dict[str, Any]) -> list[Session]:
    """The newest image of each session in a batch of stream records: older ones would be skipped by the page anyway."""
    newest: dict[str, Session] = {}
    for record in event["Records"]:
        image = record.get("dynamodb", {}).get("NewImage")
        if not image or image["pk"].get("S") != keys.SESSIONS:
            continue
        session = session_from_item(from_attribute_values(image))
        newest[session.session_id] = session
    return list(newest.values())


def publish(sessions: list[Session], push: Push) -> int:
    """Sends each session to its subscribers, all at once; returns how many frames were taken in time. Never raises."""
    return send_all(push, map(_frame, sessions))


def _frame(session: Session) -> Frame:
    data = json.dumps({"type": "session", "session": public_session(session)}, ensure_ascii=False).encode()
    return Frame(keys.session_topic(session.session_id), data)
