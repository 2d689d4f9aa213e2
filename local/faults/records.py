"""The emulator's own records of executions and instances: told cheaply, and forgotten when a case is over.

The harness looks several times a second, at each of several clouds on two cores.
"""

from typing import Any

SESSION_TAG = "foreverus:session"
_over: set[Any] = set()


def what_is_there() -> dict[str, Any]:
    """`executions`: the status of each, by its name. `instances`: session and state of each of a session."""
    from ministack.services import ec2
    from ministack.services import stepfunctions as states

    instances = {}
    for (*scope, instance_id), instance in list(ec2._instances._data.items()):
        tags = {tag["Key"]: tag["Value"] for tag in ec2._tags._data.get((*scope, instance_id), [])}
        if SESSION_TAG in tags:
            instances[instance_id] = [tags[SESSION_TAG], instance["State"]["Name"]]
    executions = {execution["name"]: execution["status"] for execution in states._executions.all_values()}
    return {"executions": executions, "instances": instances}


def bury() -> None:
    """Forgets what is over, and was at the last burial: every list of it would be longer after each case. What has only
    just ended may still have a thread that writes into it."""
    from ministack.services import ec2
    from ministack.services import stepfunctions as states

    over = {key for key, one in list(states._executions._data.items()) if one["status"] != "RUNNING"}
    gone = {key for key, one in list(ec2._instances._data.items()) if one["State"]["Name"] == "terminated"}
    for key in over & _over:
        states._executions._data.pop(key, None)
    for key in gone & _over:
        ec2._instances._data.pop(key, None)
    left = {instance_id for *_, instance_id in list(ec2._instances._data)}
    for key, fleet in list(ec2._fleets._data.items()):
        if not left & {one for item in fleet["Instances"] for one in item["InstanceIds"]}:
            ec2._fleets._data.pop(key, None)
    _over.clear()
    _over.update(over | gone)
