"""A document the whole way through the laptop's cloud: put at its address, read by a function without rights, embedded
by a real model, kept in a real PostgreSQL, opened at a place, deleted from every store; another person sees nothing."""

import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from local import history
from local.cloud import Cloud
from local.person import Person
from tests.unit.documents import files

pytestmark = pytest.mark.cloud

MAY_TAKE_S = 300  # of a machine with other work; what is waited for is a state
TEXT = """# Armazém de Tefé

O armazém de Tefé guarda 4.217 sacas de castanha. A chave fica com dona Zuleide.

# Barco

O barco Rio Branco sai às terças, às seis da manhã.
"""


def put(person: Person, name: str, data: bytes) -> str:
    made = person.call("POST", "/documents", {"filename": name, "bytes": len(data)})
    upload = made["upload"]
    request = urllib.request.Request(upload["url"], data=data, headers=upload["headers"], method="PUT")
    with urllib.request.urlopen(request, timeout=300) as answer:
        assert answer.status == 200
    return str(made["id"])


def ended(person: Person, document_id: str) -> dict[str, Any]:
    """Once it is ready, or has failed."""
    until = time.monotonic() + MAY_TAKE_S
    while time.monotonic() < until:
        shown = person.call("GET", f"/documents/{document_id}")
        if shown["status"] in ("ready", "failed"):
            return dict(shown)
        time.sleep(0.5)
    raise AssertionError(f"{document_id} is {shown['status']} after {MAY_TAKE_S} s")


def chunks_kept(cloud: Cloud, document_id: str) -> int:
    found = history.rows(cloud, "SELECT count(*) FROM document_chunks WHERE document_id = :id", id=document_id)
    return int(found[0][0])


def functions(cloud: Cloud) -> list[str]:
    pages = cloud.emulator.client("lambda").get_paginator("list_functions").paginate()
    return [one["FunctionName"] for page in pages for one in page["Functions"]]


def test_a_document_becomes_one_that_can_be_opened_and_is_gone_when_it_is_deleted(cloud: Cloud, person: Person) -> None:
    document_id = put(person, "armazém.md", TEXT.encode())
    shown = ended(person, document_id)
    assert (shown["status"], shown["chunks"], shown["error"]) == ("ready", 2, None)
    assert [one["text"] for one in shown["headings"]] == ["Armazém de Tefé", "Barco"]
    assert 0 < shown["cost_usd"] < 0.0001
    place = person.call("GET", f"/documents/{document_id}/text?start=0&end=15")
    assert (place["text"], "dona Zuleide" in place["after"]) == ("Armazém de Tefé", True)
    found = person.call("POST", "/documents/search", {"question": "Quem guarda a chave do armazém?"})
    assert (found["why"], found["data"][0]["heading"]) == (None, "Armazém de Tefé")
    assert (found["data"][0]["document_id"], found["data"][0]["filename"]) == (document_id, "armazém.md")
    assert person.call("DELETE", f"/documents/{document_id}")["deleted"] is True
    assert person.call("GET", "/documents")["data"] == []
    assert person.call("POST", "/documents/search", {"question": "Quem guarda a chave?"})["data"] == []
    kept = cloud.emulator.client("s3").list_objects_v2(Bucket=cloud.stack["DataBucket"], Prefix="documents/")
    assert kept.get("KeyCount") == 0
    assert chunks_kept(cloud, document_id) == 2, "until what is owed is worked off"
    event = Path("events/store_results/edge_scheduled.json").read_bytes()
    function = f"{cloud.outputs['stack_name']}-StoreResultsFunction"
    (name,) = [one for one in functions(cloud) if one.startswith(function)]
    cloud.emulator.client("lambda").invoke(FunctionName=name, Payload=event)
    assert chunks_kept(cloud, document_id) == 0


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("secreto.pdf", files.protected_pdf(), "document_protected"),
        ("objetos.pdf", files.pdf_of_many_objects(400_000), "document_too_complex"),
        ("vazio.docx", files.docx(), "document_empty"),
        ("foto.txt", b"\x00\x01\x02", "document_kind"),
    ],
)
def test_what_cannot_be_read_says_why(person: Person, name: str, data: bytes, code: str) -> None:
    document_id = put(person, name, data)
    shown = ended(person, document_id)
    assert (shown["status"], shown["error"]["code"]) == ("failed", code)
    person.call("DELETE", f"/documents/{document_id}")
