"""Lets time pass in the emulator: its records are made older, as if that many seconds had gone by without an event.

Only what our own rules look at: when an instance was launched, when a message can be seen again, and how long a FIFO
queue remembers a message. Whoever uses it must age the stack's table too; see tests/faults.
"""

from datetime import datetime, timedelta


def pass_time(seconds: float) -> None:
    from ministack.services import ec2, sqs

    for instance in list(ec2._instances._data.values()):
        launched = datetime.fromisoformat(instance["LaunchTime"].replace("Z", "+00:00")) - timedelta(seconds=seconds)
        instance["LaunchTime"] = launched.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with sqs._queues_lock:
        for queue in list(sqs._queues._data.values()):
            for message in queue["messages"]:
                message["visible_at"] = message.get("visible_at", 0) - seconds
                message["sent_at"] = message.get("sent_at", 0) - seconds
            for remembered in queue["dedup_cache"].values():
                remembered["expire"] -= seconds
