"""An object of S3, written in parts."""

from typing import Any

PART_BYTES = 8 << 20  # of a multipart upload; S3 takes 5 MiB to 5 GiB

# Named in all three calls of a multipart upload. boto3 sends a part's CRC32 by itself and names none when it creates
# and completes the upload: S3 has refused what is put together of parts with checksums that were not announced.
CHECKED = {"ChecksumAlgorithm": "CRC32"}


class PartsWriter:
    """A plain put up to PART_BYTES, a multipart upload above. Holds one part at most."""

    def __init__(self, client: Any, bucket: str, key: str, content_type: str):
        self.client = client
        self.where = {"Bucket": bucket, "Key": key}
        self.content_type = content_type
        self.size = 0
        self.buffer = bytearray()
        self.upload_id = ""
        self.parts: list[dict[str, object]] = []

    def write(self, data: bytes) -> None:
        self.buffer += data
        self.size += len(data)
        while len(self.buffer) > PART_BYTES:
            self._send(bytes(self.buffer[:PART_BYTES]))
            del self.buffer[:PART_BYTES]

    def close(self) -> None:
        if not self.size:
            return
        if not self.upload_id:
            self.client.put_object(**self.where, Body=bytes(self.buffer), ContentType=self.content_type)
            return
        self._send(bytes(self.buffer))
        self.client.complete_multipart_upload(
            **self.where, UploadId=self.upload_id, MultipartUpload={"Parts": self.parts}
        )

    def abort(self) -> None:
        if self.upload_id:
            self.client.abort_multipart_upload(**self.where, UploadId=self.upload_id)

    def _send(self, part: bytes) -> None:
        client, number = self.client, len(self.parts) + 1
        if not self.upload_id:
            begun = client.create_multipart_upload(**self.where, ContentType=self.content_type, **CHECKED)
            self.upload_id = begun["UploadId"]
        sent = client.upload_part(**self.where, UploadId=self.upload_id, PartNumber=number, Body=part, **CHECKED)
        self.parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": sent["ChecksumCRC32"]})
