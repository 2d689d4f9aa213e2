"""An upload is completed once, whatever ends in between, and whoever else is at it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from foreverus.aws.s3 import JSONL
from foreverus.aws.s3_memory import MemoryObjects
from foreverus.aws.s3_parts import Piece
from foreverus.errors import InvalidRequest
from foreverus.files.records import File
from foreverus.files.store import FileStore, MemoryFiles
from foreverus.files.uploads.records import Upload, UploadPart, UploadStatus, digest_of, new_upload
from foreverus.files.uploads.service import UploadService
from foreverus.files.uploads.store import MemoryUploads, Uploads, UploadStore
from foreverus.idempotency.store import MemoryClaims, Once
from tests.unit.conftest import NOW, Aws

REQUEST = {"filename": "p.jsonl", "purpose": "batch", "bytes": 4}
UPLOAD = new_upload("upload_1", "ana", REQUEST, NOW)
PARTS = {"part_1": b"12", "part_2": b"34", "part_3": b"56"}
FIRST, OTHER = ["part_1", "part_2"], ["part_2", "part_3"]


@dataclass
class Objects(MemoryObjects):
    """`meanwhile`: what happens while the parts are read."""

    crash: bool = False
    meanwhile: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(lambda: NOW)

    def join(self, pieces: Sequence[Piece], key: str, content_type: str, md5: str) -> None:
        for one in self.meanwhile[:1]:
            self.meanwhile.clear()
            assert callable(one)
            one()
        super().join(pieces, key, content_type, md5)
        if self.crash:
            self.crash = False
            raise ConnectionError("the function was ended")


@pytest.fixture(params=["dynamodb", "memory"])
def uploads(request: pytest.FixtureRequest, aws: Aws) -> Uploads:
    return UploadStore(aws.items) if request.param == "dynamodb" else MemoryUploads(MemoryFiles())


@pytest.fixture
def service(uploads: Uploads, aws: Aws) -> UploadService:
    files = uploads.files if isinstance(uploads, MemoryUploads) else FileStore(aws.items)
    made = UploadService(uploads, files, Objects(), Once(MemoryClaims(), lambda: NOW), lambda: NOW)
    uploads.create(UPLOAD)
    for part_id, data in PARTS.items():
        assert uploads.add_part(UPLOAD, UploadPart(part_id, "upload_1", len(data), UPLOAD.created_at))
        made.objects.put(UPLOAD.parts_prefix + part_id, data)
    return made


def complete(service: UploadService, part_ids: list[str]) -> str:
    return str(service.complete("ana", "upload_1", {"part_ids": part_ids})["status"])


def content(service: UploadService) -> bytes | None:
    assert isinstance(service.objects, Objects)
    return service.objects.held.get("files/ana/file_1")


def objects(service: UploadService) -> Objects:
    assert isinstance(service.objects, Objects)
    return service.objects


def test_after_a_crash_it_is_completed_by_the_same_request_alone(service: UploadService) -> None:
    objects(service).crash = True
    with pytest.raises(ConnectionError):
        complete(service, FIRST)
    assert service.files.get("ana", "file_1") is None
    with pytest.raises(InvalidRequest) as other:
        complete(service, OTHER)
    assert other.value.reason == "upload_is_over"
    with pytest.raises(InvalidRequest):
        service.add_part("ana", "upload_1", "multipart/form-data; boundary=x", b"")
    assert complete(service, FIRST) == "completed"
    assert content(service) == b"1234"


def test_after_a_crash_it_can_be_cancelled_and_nothing_is_left(service: UploadService) -> None:
    objects(service).crash = True
    with pytest.raises(ConnectionError):
        complete(service, FIRST)
    assert service.cancel("ana", "upload_1")["status"] == "cancelled"
    assert objects(service).held == {}


def test_of_two_at_once_that_ask_for_different_files_the_first_counts(service: UploadService) -> None:
    refusals = []

    def other() -> None:
        with pytest.raises(InvalidRequest) as caught:
            complete(service, OTHER)
        refusals.append(caught.value.reason)

    objects(service).meanwhile.append(other)
    assert complete(service, FIRST) == "completed"
    assert (refusals, content(service)) == (["upload_is_over"], b"1234")


def test_two_at_once_that_ask_for_the_same_make_it_once(service: UploadService) -> None:
    """The one that ends first removes the parts, which the other still reads."""
    shown: list[str] = []
    objects(service).meanwhile.append(lambda: shown.append(complete(service, FIRST)))
    assert complete(service, FIRST) == "completed"
    assert (shown, objects(service).held) == (["completed"], {"files/ana/file_1": b"1234"})


def test_what_was_deleted_meanwhile_is_not_written_back(service: UploadService) -> None:
    class Slow(Objects):
        """Has read everything before the other request removes it."""

        def join(self, pieces: Sequence[Piece], key: str, content_type: str, md5: str) -> None:
            data = b"".join(self.held[piece.key] for piece in pieces)
            complete(service, FIRST)
            service.files.delete("ana", "file_1", NOW)
            self.put(key, data)

    slow = Slow()
    slow.held = objects(service).held
    shown = replace(service, objects=slow).complete("ana", "upload_1", {"part_ids": FIRST})
    assert (shown["status"], shown["file"], slow.held) == ("completed", None, {})


def test_a_cancellation_while_it_is_completed_wins_and_leaves_nothing(service: UploadService) -> None:
    objects(service).meanwhile.append(lambda: service.store.cancel(UPLOAD))
    with pytest.raises(InvalidRequest) as caught:
        complete(service, FIRST)
    assert caught.value.reason == "upload_is_over"
    assert content(service) is None and service.files.get("ana", "file_1") is None


def test_a_part_that_comes_too_late_is_not_kept(service: UploadService) -> None:
    class Late(MemoryObjects):
        def put(self, key: str, data: bytes, content_type: str = JSONL) -> None:
            super().put(key, data, content_type)
            service.store.cancel(UPLOAD)

    late = Late(lambda: NOW)
    body = b'--x\r\nContent-Disposition: form-data; name="data"; filename="u"\r\n\r\nab\r\n--x--\r\n'
    others = UploadService(service.store, service.files, late, service.once, service.clock)
    with pytest.raises(InvalidRequest) as caught:
        others.add_part("ana", "upload_1", "multipart/form-data; boundary=x", body)
    assert (caught.value.reason, late.held) == ("upload_is_over", {})


def test_the_store_lets_each_change_through_once(uploads: Uploads) -> None:
    uploads.create(UPLOAD)
    changed = Upload(**{name: getattr(UPLOAD, name) for name in Upload.__slots__} | {"filename": "other"})
    assert uploads.create(changed) == UPLOAD
    part = UploadPart("part_1", "upload_1", 2, UPLOAD.created_at)
    assert uploads.add_part(UPLOAD, part) and uploads.add_part(UPLOAD, part)
    assert (uploads.parts("upload_1"), uploads.part("upload_1", "part_1")) == ([part], part)
    one, two = digest_of(["part_1"], ""), digest_of(["part_1"], "0")
    file = File(file_id="file_1", user_id="ana", filename="p", bytes=2, created_at="", object_key="k")
    assert not uploads.complete(UPLOAD, one, file), "nobody has begun"
    assert uploads.begin(UPLOAD, one) and uploads.begin(UPLOAD, one) and not uploads.begin(UPLOAD, two)
    assert not uploads.add_part(UPLOAD, UploadPart("part_2", "upload_1", 2, ""))
    uploads.reopen(UPLOAD, two)
    assert not uploads.begin(UPLOAD, two)
    uploads.reopen(UPLOAD, one)
    assert uploads.begin(UPLOAD, two)
    assert not uploads.complete(UPLOAD, one, file) and uploads.complete(UPLOAD, two, file)
    assert not uploads.complete(UPLOAD, two, file)
    assert uploads.cancel(UPLOAD) is None
    found = uploads.get("ana", "upload_1")
    assert found and found.status is UploadStatus.COMPLETED


@given(st.binary(min_size=1, max_size=60), st.data())
def test_however_it_is_cut_and_in_whatever_order_it_comes(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.sets(st.integers(1, len(data)), max_size=8)) | {len(data)})
    pieces = [data[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    numbered = draw.draw(st.permutations(list(enumerate(pieces))))
    files, objects = MemoryFiles(), MemoryObjects(lambda: NOW)
    service = UploadService(MemoryUploads(files), files, objects, Once(MemoryClaims(), lambda: NOW), lambda: NOW)
    upload_id = str(service.create("ana", REQUEST | {"bytes": len(data)})["id"])
    made = {}
    for number, piece in numbered:
        head = b'--xyz\r\nContent-Disposition: form-data; name="data"; filename="u"\r\n\r\n'
        if b"--xyz" not in piece:
            body = head + piece + b"\r\n--xyz--\r\n"
            made[number] = service.add_part("ana", upload_id, "multipart/form-data; boundary=xyz", body)["id"]
    assume(len(made) == len(pieces))
    done = service.complete("ana", upload_id, {"part_ids": [made[number] for number in sorted(made)]})
    assert (done["status"], objects.held) == ("completed", {f"files/ana/{done['file']['id']}": data})  # type: ignore[index]
