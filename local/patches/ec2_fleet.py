"""CreateFleet that can be retried and finds nothing to buy, and spot instances that say so.

AWS: a CreateFleet with a `ClientToken` that was used before returns that fleet and its instances, and refuses other
parameters with IdempotentParameterMismatch. DescribeInstances has `InstanceLifecycle: spot` for spot instances, and an
instance has its subnet's zone. An override may name another image than the launch template's; one that does not exist
is an error of each override. Each entry of the fleet's `Instances` says which override it came from. Where no pool
has capacity, an instant fleet answers well, with an error for each override and without an instance.
Emulator: ignores the token (a retry buys a second instance) and the override's image, leaves the lifecycle and the
override out, and puts every instance into the region's zone `a`. It is never out of capacity: here nothing is sold in a
subnet with the tag `sold-out`. With `capacity-optimized-prioritized` the override with the lowest `Priority` is sold
first, one without any last, where both have capacity; the emulator sells what stands first.
"""

import itertools
import re
import uuid
from html import escape
from typing import Any

from local.patches import Options

_answers: dict[tuple[str, str, str], tuple[dict[str, Any], Any]] = {}
SOLD_OUT = "sold-out"
OVERRIDE = "LaunchTemplateConfigs.1.Overrides"

Pool = tuple[str, str]
Refusal = tuple[list[Pool], str, str]  # of every pool: an error's code and message

_FLEET_ID = re.compile(rb"<fleetId>([^<]+)</fleetId>")


def apply(options: Options) -> None:
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import ec2

    original_create = ec2._create_fleet
    original_xml = ec2._instance_xml
    original_fleet_xml = ec2._fleet_instances_xml

    def create_fleet(parameters: dict[str, Any]) -> Any:
        token = ec2._p(parameters, "ClientToken")
        wanted = {key: value for key, value in parameters.items() if key != "ClientToken"}
        key = (get_account_id(), get_region(), token)
        if token and key in _answers:
            seen, answer = _answers[key]
            if seen == wanted:
                return answer
            return ec2._error(
                "IdempotentParameterMismatch",
                f"The client token {token} was used before with other parameters.",
                400,
            )
        parameters = _in_their_order(ec2, parameters)
        refused = _sold_out(ec2, parameters) or _without_image(ec2, parameters)
        answer = _empty(ec2, *refused) if refused else original_create(parameters)
        status, _headers, body = answer
        if status == 200:
            fleet_id = _FLEET_ID.search(body if isinstance(body, bytes) else body.encode())
            if fleet_id and not refused:
                _describe(ec2, ec2._fleets[fleet_id[1].decode()], ec2._p(parameters, f"{OVERRIDE}.1.ImageId"))
            if token:
                _answers[key] = (wanted, answer)
        return answer

    def instance_xml(instance: dict[str, Any]) -> str:
        xml = original_xml(instance)
        lifecycle = instance.get("InstanceLifecycle")
        if not lifecycle:
            return xml
        return xml[: xml.rindex("</item>")] + f"<instanceLifecycle>{lifecycle}</instanceLifecycle></item>"

    def fleet_xml(items: list[dict[str, Any]]) -> str:
        """Adds the override to each entry."""
        parts = []
        for item in items:
            instance = ec2._instances.get(item["InstanceIds"][0]) if item["InstanceIds"] else None
            override = _override_xml(item, instance) if instance else ""
            xml = original_fleet_xml([item])
            parts.append(xml.replace("</launchTemplateAndOverrides>", f"{override}</launchTemplateAndOverrides>"))
        return "".join(parts)

    ec2._create_fleet = ec2._ACTION_MAP["CreateFleet"] = create_fleet
    ec2._instance_xml = instance_xml
    ec2._fleet_instances_xml = fleet_xml


def _in_their_order(ec2: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the overrides as they are to be tried."""
    count = len(_pools(ec2, parameters))
    if ec2._p(parameters, "SpotOptions.AllocationStrategy") != "capacity-optimized-prioritized" or not count:
        return parameters
    numbers = range(1, count + 1)
    places = {number: ec2._p(parameters, f"{OVERRIDE}.{number}.Priority") for number in numbers}
    order = sorted(numbers, key=lambda number: float(places[number] or "inf"))
    moved = {f"{OVERRIDE}.{old}.": f"{OVERRIDE}.{new}." for new, old in enumerate(order, 1)}
    return {_renamed(name, moved): value for name, value in parameters.items()}


def _renamed(name: str, moved: dict[str, str]) -> str:
    found = next((old for old in moved if name.startswith(old)), None)
    return name if found is None else moved[found] + name.removeprefix(found)


def _pools(ec2: Any, parameters: dict[str, Any]) -> list[Pool]:
    """(type, subnet) of every override."""
    pools = []
    for number in itertools.count(1):
        subnet = ec2._p(parameters, f"{OVERRIDE}.{number}.SubnetId")
        if not subnet:
            break
        pools.append((ec2._p(parameters, f"{OVERRIDE}.{number}.InstanceType"), subnet))
    return pools


def _sold_out(ec2: Any, parameters: dict[str, Any]) -> Refusal | None:
    """When every override is in a subnet where nothing is sold."""
    pools = _pools(ec2, parameters)
    if not pools or not all(SOLD_OUT in [tag["Key"] for tag in ec2._tags.get(subnet, [])] for _, subnet in pools):
        return None
    return pools, "InsufficientInstanceCapacity", "This pool is empty."


def _without_image(ec2: Any, parameters: dict[str, Any]) -> Refusal | None:
    """When the overrides name an image that does not exist."""
    image = ec2._p(parameters, f"{OVERRIDE}.1.ImageId")
    if not image or image in ec2._images or image in [stub[0] for stub in ec2._STUB_AMIS]:
        return None
    return _pools(ec2, parameters), "InvalidAMIID.NotFound", f"The image id '[{image}]' does not exist"


def _empty(ec2: Any, pools: list[Pool], code: str, message: str) -> Any:
    errors = "".join(
        f"<item><launchTemplateAndOverrides><overrides><instanceType>{escape(kind)}</instanceType>"
        f"<subnetId>{escape(subnet)}</subnetId></overrides></launchTemplateAndOverrides><lifecycle>spot</lifecycle>"
        f"<errorCode>{code}</errorCode><errorMessage>{escape(message)}</errorMessage></item>"
        for kind, subnet in pools
    )
    body = f"<fleetId>fleet-{uuid.uuid4()}</fleetId><fleetInstanceSet/><errorSet>{errors}</errorSet>"
    return ec2._xml(200, "CreateFleetResponse", body)


def _describe(ec2: Any, fleet: dict[str, Any], image: str) -> None:
    """Writes what the fleet knows into its instances' records."""
    for item in fleet["Instances"]:
        for instance_id in item["InstanceIds"]:
            instance = ec2._instances[instance_id]
            instance["ImageId"] = image or instance["ImageId"]
            if item["Lifecycle"] == "spot":
                instance["InstanceLifecycle"] = "spot"
            subnet = ec2._subnets.get(instance["SubnetId"], {})
            if subnet.get("AvailabilityZone"):
                instance["Placement"]["AvailabilityZone"] = subnet["AvailabilityZone"]


def _override_xml(item: dict[str, Any], instance: dict[str, Any]) -> str:
    return (
        "<overrides>"
        f"<instanceType>{escape(item['InstanceType'])}</instanceType>"
        f"<subnetId>{escape(instance['SubnetId'])}</subnetId>"
        "</overrides>"
    )
