"""The host's view of the emulator: which instances there are, what they were launched with, and ending one.

These calls act with the host's own credentials, as the hypervisor does; nothing here is visible to a worker.
"""

import json
import os
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import ClientError

SESSION_TAG = "foreverus:session"
STACK_TAG = "foreverus:stack"
LIVE = ("pending", "running")


@dataclass(frozen=True)
class Instance:
    id: str
    type: str
    availability_zone: str
    image_id: str
    private_ip: str
    account_id: str
    launched_at: str
    tags: dict[str, str]


@dataclass(frozen=True)
class Launch:
    """How an instance was launched. lifecycle: `spot` or `on-demand`. user_data: base64."""

    lifecycle: str
    user_data: str


class Cloud:
    def __init__(self) -> None:
        self.endpoint = os.environ["AWS_ENDPOINT_URL"]
        self.region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
        # One attempt and short timeouts: the watch asks again in a moment anyway, and a hung call would blind it.
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10)
        self._session = boto3.Session(
            aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "test"),
            aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
            aws_session_token=os.environ.get("AWS_SESSION_TOKEN"),
            region_name=self.region,
        )
        self._ec2 = self._session.client("ec2", endpoint_url=self.endpoint, config=config)
        # Making a client is not safe from two threads. The first one reads the service's model from disk (0.1 s and
        # more), so it is made here, before anybody waits for a boot.
        self._making = threading.Lock()
        self._session.client("s3", endpoint_url=self.endpoint)
        self._changes = httpx.AsyncClient(base_url=self.endpoint, timeout=10, trust_env=False)

    async def next_change(self, last: int) -> int:
        """The number of the newest launch or end of an instance: waits for one after `last`, a second at most."""
        answer = await self._changes.get("/_foreverus/instance-changes", params={"since": last})
        return int(answer.raise_for_status().json()["change"])

    def live_instances(self) -> dict[str, Instance]:
        """Every pending or running instance that a session launched, by id."""
        answer = self._ec2.describe_instances(
            Filters=[
                {"Name": "instance-state-name", "Values": list(LIVE)},
                {"Name": "tag-key", "Values": [SESSION_TAG]},
            ]
        )
        return {
            record["InstanceId"]: Instance(
                id=record["InstanceId"],
                type=record["InstanceType"],
                availability_zone=record["Placement"]["AvailabilityZone"],
                image_id=record["ImageId"],
                private_ip=record.get("PrivateIpAddress", ""),
                account_id=reservation["OwnerId"],
                launched_at=record["LaunchTime"].strftime("%Y-%m-%dT%H:%M:%SZ"),
                tags={tag["Key"]: tag["Value"] for tag in record.get("Tags", [])},
            )
            for reservation in answer["Reservations"]
            for record in reservation["Instances"]
        }

    def launch_of(self, instance_id: str) -> Launch | None:
        """From the fleet that launched it: the emulator's instance does not tell its lifecycle or its user data.

        None when no fleet did, so that nobody's hand-made instance is taken for a GPU.
        """
        pages = self._ec2.get_paginator("describe_fleets").paginate()
        for item in (item for page in pages for fleet in page["Fleets"] for item in fleet.get("Instances", [])):
            if instance_id in item["InstanceIds"]:
                template = item["LaunchTemplateAndOverrides"]["LaunchTemplateSpecification"]
                versions = self._ec2.describe_launch_template_versions(
                    LaunchTemplateId=self._template_id(template), Versions=[template["Version"]]
                )
                data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
                return Launch(lifecycle=item["Lifecycle"], user_data=data.get("UserData", ""))
        return None

    def is_baked(self, image_id: str) -> bool:
        """Whether it is an image of ours, and not the base image."""
        ours = {"Name": "image-id", "Values": [image_id]}
        found = self._ec2.describe_images(Owners=["self"], Filters=[ours])["Images"]
        return any(tag["Key"] == STACK_TAG for image in found for tag in image.get("Tags", []))

    def _template_id(self, template: dict[str, str]) -> str:
        if template.get("LaunchTemplateId"):
            return template["LaunchTemplateId"]
        named = self._ec2.describe_launch_templates(LaunchTemplateNames=[template["LaunchTemplateName"]])
        return named["LaunchTemplates"][0]["LaunchTemplateId"]

    def terminate(self, instance_id: str) -> None:
        """What EC2 does when a machine with InstanceInitiatedShutdownBehavior=terminate powers off."""
        try:
            self._ec2.terminate_instances(InstanceIds=[instance_id])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                raise

    def credentials(self, instance_id: str) -> dict[str, Any] | None:
        """The instance role's temporary credentials, from our emulator's launcher; None without a role."""
        url = f"{self.endpoint.rstrip('/')}/_foreverus/instance-credentials/{instance_id}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            raise

    def s3_as(self, access_key: str, secret_key: str, token: str):
        """An S3 client under somebody else's credentials."""
        with self._making:
            return self._session.client(
                "s3",
                endpoint_url=self.endpoint,
                aws_access_key_id=access_key,
                aws_secret_access_key=secret_key,
                aws_session_token=token,
            )
