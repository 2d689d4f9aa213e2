"""Of files and what uploads them."""

from typing import TypedDict


class UploadAddress(TypedDict, total=False):
    method: str
    url: str
    headers: dict[str, str]


class FileObject(TypedDict, total=False):
    id: str
    bytes: int
    upload: UploadAddress
