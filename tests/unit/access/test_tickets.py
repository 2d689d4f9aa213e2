"""Tickets: what opens a WebSocket once, against moto's DynamoDB."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from foreverus import ids
from foreverus.access.authorizer import Authorizer, Presented, presented
from foreverus.access.last_use import LastUse
from foreverus.access.looks import Look
from foreverus.access.records import Caller
from foreverus.access.service import KeyService
from foreverus.access.store import ApiKeyStore
from foreverus.access.tickets import TICKET_SECONDS, TicketService, TicketStore
from tests.unit.access.signing import token
from tests.unit.access.test_authorizer import Everybody, signed
from tests.unit.conftest import NOW, Aws

SOCKETS = "wss://ws12345678.execute-api.us-east-1.amazonaws.com/v1"
ANA = Caller(user_id="ana", ends_at=ids.timestamp(NOW + timedelta(minutes=15)))


@pytest.fixture
def tickets(aws: Aws) -> TicketStore:
    return TicketStore(aws.api_keys)


def ticket(tickets: TicketStore, caller: Caller = ANA) -> str:
    return str(TicketService(tickets, SOCKETS, lambda: NOW).create(caller)["ticket"])


def test_a_ticket_is_shown_once_and_only_its_digest_is_kept(tickets: TicketStore, aws: Aws) -> None:
    made = TicketService(tickets, SOCKETS, lambda: NOW).create(ANA)
    assert (made["object"], made["expires_in"], made["url"]) == ("ticket", TICKET_SECONDS, SOCKETS)
    assert re.fullmatch(r"ft_[0-9A-Za-z]{43}", str(made["ticket"]))
    (stored,) = aws.api_keys.client.scan(TableName=aws.api_keys.name)["Items"]
    assert str(made["ticket"])[3:] not in json.dumps(stored)
    assert int(stored["delete_after"]["N"]) > (NOW + timedelta(seconds=TICKET_SECONDS)).timestamp()


def test_it_opens_once(tickets: TicketStore) -> None:
    secret = ticket(tickets)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: tickets.take(secret, NOW), range(24)))
    assert [one for one in taken if one] == [Caller(user_id="ana", can_create_keys=False, ends_at=ANA.ends_at)]


@pytest.mark.parametrize(("seconds", "opens"), [(0, True), (29.999, True), (30, False), (3600, False)])
def test_it_opens_for_half_a_minute_to_the_millisecond(tickets: TicketStore, seconds: float, opens: bool) -> None:
    """DynamoDB deletes it some time later, which nobody waits for."""
    assert (tickets.take(ticket(tickets), NOW + timedelta(seconds=seconds)) is not None) is opens


@pytest.mark.parametrize("secret", ["ft_", "ft_nobodys", "ft_" + "x" * 5000, "ft_\ud83d"])
def test_what_was_never_made_opens_nothing(tickets: TicketStore, secret: str) -> None:
    assert tickets.take(secret, NOW) is None


Arriving = Callable[..., Caller | None]


@pytest.fixture
def arriving(store: ApiKeyStore, tickets: TicketStore) -> Arriving:
    """Who comes in at an address, half a minute at most after NOW."""

    def arrive(text: str, *gone: str, at: datetime = NOW, keys: bool = False) -> Caller | None:
        people = Everybody(*gone)
        ours = Authorizer(
            api_keys=store,
            tokens=signed(),
            people=people,
            uses=LastUse(lambda: store),
            tickets=tickets,
            looks=Look(store, people.is_active),
            clock=lambda: at,
            keys_in_addresses=keys,
        )
        return ours.caller_at(Presented(text, in_address=True))

    return arrive


def test_an_address_opens_with_a_ticket_and_no_token(arriving: Arriving, tickets: TicketStore) -> None:
    secret = ticket(tickets)
    assert arriving(secret) == Caller(user_id="ana", can_create_keys=False, ends_at=ANA.ends_at)
    assert arriving(secret) is None
    assert arriving(token()) is None
    assert arriving(token(), keys=True) is None
    assert arriving(f"Bearer {token()}", keys=True) is None


def test_a_key_in_an_address_opens_where_the_stack_was_told_so(arriving: Arriving, service: KeyService) -> None:
    made = service.create(Caller(user_id="ana"), {"name": "laptop"})
    assert arriving(str(made["key"])) is None
    assert arriving(str(made["key"]), keys=True) == Caller(user_id="ana", key_id=str(made["id"]), can_create_keys=False)


def test_a_ticket_opens_nothing_for_who_left_meanwhile(arriving: Arriving, tickets: TicketStore) -> None:
    assert arriving(ticket(tickets), "ana") is None


def test_a_ticket_ends_with_its_token(arriving: Arriving, tickets: TicketStore) -> None:
    short = Caller(user_id="ana", ends_at=ids.timestamp(NOW + timedelta(seconds=10)))
    assert arriving(ticket(tickets, short), at=NOW + timedelta(seconds=9))
    assert arriving(ticket(tickets, short), at=NOW + timedelta(seconds=10)) is None


def test_a_ticket_ends_with_its_key(arriving: Arriving, tickets: TicketStore, service: KeyService) -> None:
    made = service.create(Caller(user_id="ana"), {"name": "laptop"})
    held = Caller(user_id="ana", key_id=str(made["id"]), can_create_keys=False)
    assert arriving(ticket(tickets, held)) == held
    late = ticket(tickets, held)
    service.revoke("ana", str(made["id"]))
    assert arriving(late) is None


REST = "arn:aws:execute-api:us-east-1:123456789012:abc/v1/GET/sessions"
SOCKET = "arn:aws:execute-api:us-east-1:123456789012:abc/v1/$connect"


@pytest.mark.parametrize(
    ("arn", "headers", "query", "given"),
    [
        (REST, {"Authorization": "Bearer a"}, {"token": "b"}, Presented("Bearer a")),
        (REST, {"authorization": "Bearer a"}, None, Presented("Bearer a")),
        (REST, {}, {"token": "b", "ticket": "c"}, Presented("")),
        (REST, None, None, Presented("")),
        (SOCKET, {}, {"ticket": "c"}, Presented("c", in_address=True)),
        (SOCKET, {}, {"token": "b"}, Presented("b", in_address=True)),
        (SOCKET, {}, {"ticket": "c", "token": "b"}, Presented("c", in_address=True)),
        (SOCKET, {"Authorization": "Bearer a"}, {"token": "b"}, Presented("Bearer a")),
        (SOCKET, {}, None, Presented("", in_address=True)),
    ],
)
def test_where_people_present_themselves(
    arn: str, headers: dict[str, str] | None, query: dict[str, str] | None, given: Presented
) -> None:
    assert presented({"methodArn": arn, "headers": headers, "queryStringParameters": query}) == given
