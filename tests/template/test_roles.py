"""What each role may do with each kind of item is what docs/security.md says; tests/local/test_roles.py asks an IAM."""

import pytest

from tests.template import iam
from tests.template.item_table import TABLES, Kind, allowed, fits, roles, spelled, written

MOST_CHARACTERS = 10_240  # of a role's inline policies, without white space (IAM and STS quotas)


@pytest.mark.parametrize("kind", written(), ids=lambda kind: f"{kind.table} {kind.partition}")
def test_the_template_and_the_page_agree(kind: Kind) -> None:
    found = {role: letters for role in roles() if (letters := allowed(role, kind))}
    assert found == written()[kind], f"the template (left) and the row of {kind.partition} in docs/security.md differ"


def test_each_kind_of_item_has_a_row() -> None:
    missing = [one for one in spelled() if not any(fits(kind, one) for kind in written())]
    assert missing == [], "say in docs/security.md, Roles and the items they may write, which roles may what"
    left = [kind for kind in written() if not any(fits(kind, one) for one in spelled())]
    assert left == [], "aws/keys.py spells no such key any more"


@pytest.mark.parametrize("role", roles())
def test_no_statement_opens_a_whole_table(role: str) -> None:
    for table in TABLES:
        arn = iam.deployed()[f"{table}.Arn"]
        for action in {one for one in iam.actions(role) if one.startswith("dynamodb:")}:
            assert not iam.allows(role, action, arn, ["OF#nobody"]), f"{action}: name partitions in a condition"
            assert not iam.allows(role, action, arn, []), (
                f"{action}: a request that names no partition is refused by Null"
            )


def test_only_the_key_service_puts_keys_and_only_the_authorizer_finds_them_by_their_digest() -> None:
    records = written()[Kind("KeysTable", "HASH#<digest>")]
    assert {role for role, letters in records.items() if "p" in letters} == {"ManageKeysFunction"}
    assert {role for role, letters in records.items() if "u" in letters} == {"AuthorizeFunction"}  # the last use
    # Names for an export; gone with their person.
    assert set(records) == {
        "ManageKeysFunction",
        "AuthorizeFunction",
        "ManageAccountFunction",
        "ErasePeopleFunction",
        "ExportDataFunction",
    }


def test_the_ledger_is_written_by_closers_and_finishers_and_never_deleted_from() -> None:
    ledger = written()[Kind("Table", "LEDGER#<month>")]
    writers = {role for role, letters in ledger.items() if letters != "r"}
    assert writers == {
        *("CloseSessionFunction", "ReapGpusFunction"),
        *("RunBatchFunction", "SweepFunction"),
        "AnswerConversationFunction",
        "ChatCompletionsFunction",  # each request's call of Bedrock
        "IndexDocumentFunction",  # what embedding a document has cost
    }
    assert not any("d" in letters for letters in ledger.values())


@pytest.mark.parametrize("role", iam.roles())
def test_a_roles_policies_are_within_iams_limit(role: str) -> None:
    import json

    size = len(json.dumps(iam.roles()[role], separators=(",", ":")))
    assert size < MOST_CHARACTERS * 0.8, f"{role} has {size} characters"


def test_who_pushes_to_sockets_may_neither_look_at_them_nor_close_them() -> None:
    api = f"arn:aws:execute-api:{iam.PLACE}:{iam.deployed()['WebSocketApi']}/v1"
    may: dict[str, set[str]] = {}
    for role in iam.roles():
        for method in ("POST", "GET", "DELETE"):
            if iam.allows(role, "execute-api:ManageConnections", f"{api}/{method}/@connections/abc="):
                may.setdefault(role, set()).add(method)
    closers = ("CloseSessionFunction", "ReapGpusFunction", "SweepFunction")
    pushing = ("ApiFunction", "PublishChangesFunction", "AnswerConversationFunction", *closers, "InstanceRole")
    assert may == {
        **{role: {"POST"} for role in pushing},
        "WebSocketFunction": {"POST", "GET", "DELETE"},
        "ManageKeysFunction": {"DELETE"},
        "ManageAccountFunction": {"DELETE"},
    }
