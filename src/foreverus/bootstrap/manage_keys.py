"""What people make and revoke API keys with, and get tickets from."""

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from foreverus.bootstrap import aws
from foreverus.settings.people import ManageKeysSettings

if TYPE_CHECKING:
    from foreverus.access.service import KeyService
    from foreverus.access.tickets import TicketService


@dataclass(frozen=True)
class Credentials:
    keys: "KeyService"
    tickets: "TicketService"


@cache
def build() -> Credentials:
    from foreverus.access.service import KeyService
    from foreverus.access.store import ApiKeyStore
    from foreverus.access.tickets import TicketService, TicketStore
    from foreverus.aws.push import OpenSockets

    env = ManageKeysSettings.from_env(os.environ)
    table = aws.items(env.keys_table_name)
    keys = KeyService(ApiKeyStore(table), OpenSockets(aws.push()), aws.clock)
    return aws.lasting(Credentials(keys, TicketService(TicketStore(table), env.websocket_url, aws.clock)))
