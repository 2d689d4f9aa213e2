"""Ends the open WebSockets of a laptop's cloud."""

import contextlib
from collections.abc import Iterable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.emulator import REGION, ROOT_KEYS


def close_all(cloud: Cloud, items: Iterable[dict[str, Any]]) -> None:
    """Those that the table's `items` know. A relay's line stays open between two cases: without its record it would
    hear nothing in the next one."""
    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=cloud.outputs["websocket_url"].replace("ws", "http", 1),
        region_name=REGION,
        aws_access_key_id=ROOT_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ROOT_KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    for one in items:
        if one["sk"]["S"] == "CONNECTION":
            with contextlib.suppress(ClientError):  # it has just been closed
                client.delete_connection(ConnectionId=one["pk"]["S"].partition("#")[2])
