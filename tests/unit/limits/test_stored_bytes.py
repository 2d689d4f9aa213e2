"""What a person's bytes are counted as is never less than what there is, whatever they do in whatever order."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from foreverus.errors import LimitReached
from foreverus.files.records import File, FileStatus, new_file
from foreverus.files.store import FileStore
from foreverus.files.stored import stored_bytes
from foreverus.files.uploads.records import Upload, UploadStatus, new_upload
from foreverus.files.uploads.store import UploadStore
from foreverus.limits.person import PersonLimits, counted
from foreverus.limits.records import CountChange, Kind, PersonCaps
from foreverus.limits.store import CountStore
from tests.unit.conftest import NOW, Aws

MOST = 1000


class Ana:
    """She does anything that she may, files expire, and batches leave their outputs."""

    def __init__(self, aws: Aws, seed: int):
        self.items, self.chance, self.now, self.number = aws.items, random.Random(seed), NOW, 0
        self.files, self.uploads = FileStore(aws.items), UploadStore(aws.items)
        self.limits = PersonLimits(CountStore(aws.items), PersonCaps(stored_bytes=MOST), lambda: self.now)
        self.mine: list[File] = []
        self.begun: list[Upload] = []

    def room(self, more: int) -> CountChange:
        return self.limits.bytes("ana", more, self.truth)

    def truth(self) -> int:
        return stored_bytes(self.items, "ana", self.now)

    def upload(self, size: int) -> None:
        expires_s, status = self.chance.choice([0, 3600]), self.chance.choice(list(FileStatus))
        file = replace(new_file(f"file_{self.number}", "ana", "x", size, self.now, expires_s=expires_s), status=status)
        counted(lambda: self.room(size), lambda place: self.files.put(file, place))
        self.mine.append(file)

    def begin(self, size: int) -> None:
        upload = new_upload(f"upload_{self.number}", "ana", {"filename": "x", "bytes": size}, self.now)
        counted(lambda: self.room(size), lambda place: self.uploads.create(upload, place))
        self.begun.append(upload)

    def delete(self, size: int) -> None:
        if self.mine:
            self.files.delete("ana", self.chance.choice(self.mine).file_id, self.now)

    def arrive(self, size: int) -> None:
        if self.mine:
            self.files.arrived("ana", self.chance.choice(self.mine).file_id, size)

    def cancel(self, size: int) -> None:
        upload = self.chance.choice(self.begun) if self.begun else None
        if upload and upload.status_at(self.now) is UploadStatus.PENDING:
            self.uploads.cancel(upload)

    def complete(self, size: int) -> None:
        upload = self.chance.choice(self.begun) if self.begun else None
        if upload and upload.status_at(self.now) is UploadStatus.PENDING and self.uploads.begin(upload, "asked"):
            file = new_file(upload.file_id, "ana", "x", upload.bytes, self.now)
            if self.uploads.complete(upload, "asked", file):
                self.mine.append(file)

    def output(self, size: int) -> None:
        self.files.put(new_file(f"file_out{self.number % 3}", "ana", "out", size, self.now))

    def wait(self, size: int) -> None:
        self.now += timedelta(minutes=self.chance.choice([1, 20, 61]))

    def step(self) -> None:
        acts: list[Callable[[int], None]] = [self.upload, self.begin, self.complete, self.wait]
        acts += [self.delete, self.arrive, self.cancel, self.output]
        self.number += 1
        try:
            self.chance.choice(acts)(self.chance.randint(1, 400))
        except LimitReached:
            assert self.limits.counts.read("ana", Kind.BYTES).used == self.truth(), "nobody is refused but by the truth"


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_given_back_twice(aws: Aws, seed: int) -> None:
    ana = Ana(aws, seed)
    for _ in range(60):
        ana.step()
        count = ana.limits.counts.read("ana", Kind.BYTES)
        assert count.used >= ana.truth() or not count.is_complete
