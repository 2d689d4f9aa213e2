"""What a batch's input is, and our own copy of it.

The copy is made before anybody hears that there is a batch: the person may delete the file at once.
"""

from dataclasses import dataclass

from foreverus.api.requests import MOST_BYTES
from foreverus.aws.s3 import ObjectChanged, ObjectNotThere, Objects
from foreverus.batches.records import Batch
from foreverus.errors import InvalidRequest, NotAccepted, NotFound
from foreverus.files.records import MAX_FILE_BYTES, FilePurpose
from foreverus.files.service import FileService
from foreverus.text import quoted

INPUTS = "inputs/"  # the only place of the bucket that people may name
TRIES = 3  # while somebody writes the object anew


@dataclass(frozen=True)
class BatchInputs:
    files: FileService
    objects: Objects
    bucket: str

    def copy(self, batch: Batch) -> None:
        """Copies the input to `batch.input_key`: within the bucket, at most MAX_FILE_BYTES. Once more changes nothing.

        Raises NotFound and InvalidRequest that name the field, and NotAccepted while the object keeps changing.
        """
        source = self.source_of(batch.user_id, batch.input_file_id)
        for _ in range(TRIES):
            found = self.objects.head(source)
            if found is None:
                raise _no_input(batch.input_file_id)
            if found.size > MAX_FILE_BYTES:
                message = f"The file has {found.size:,} bytes, the most is {MAX_FILE_BYTES:,}: split it."
                raise InvalidRequest(message, param="input_file_id", code="file_too_large")
            try:
                self.objects.copy(source, batch.input_key, found.etag)
            except ObjectChanged:
                continue
            except ObjectNotThere as err:
                raise _no_input(batch.input_file_id) from err
            return
        raise NotAccepted(f"{quoted(batch.input_file_id)} is being written just now. Send the request again.")

    def remove(self, batch: Batch) -> None:
        """For a batch that is none after all."""
        self.objects.delete(batch.input_key)

    def source_of(self, user_id: str, input_file_id: str, param: str = "input_file_id") -> str:
        """Where the person's bytes are in the bucket. Raises NotFound and InvalidRequest that name `param`."""
        if len(input_file_id.encode()) > MOST_BYTES:  # neither the table nor the bucket has a name so long
            raise _no_input(input_file_id, param)
        if input_file_id.startswith("s3://"):
            return self._named_object(input_file_id, param)
        try:
            file = self.files.find(user_id, input_file_id)
        except NotFound as err:
            raise _no_input(input_file_id, param) from err
        if file.user_id != user_id or file.purpose is not FilePurpose.BATCH:
            what = "an image" if file.purpose is FilePurpose.VISION else "a batch's result"
            message = f"The file {quoted(input_file_id)} is {what}: upload one with purpose 'batch'."
            raise InvalidRequest(message, param=param, code="invalid_field")
        if not file.is_there:
            message = f"The file {quoted(input_file_id)} has no content yet: put it at its upload address first."
            raise InvalidRequest(message, param=param, code="file_not_uploaded")
        return file.object_key

    def _named_object(self, address: str, param: str) -> str:
        allowed = f"s3://{self.bucket}/{INPUTS}"
        if not address.startswith(allowed) or address == allowed:
            message = f"Only objects below {allowed} can be a batch's input, not {quoted(address)}."
            raise InvalidRequest(message, param=param, code="invalid_field")
        return address.removeprefix(f"s3://{self.bucket}/")


def _no_input(input_file_id: str, param: str = "input_file_id") -> NotFound:
    return NotFound(f"There is no file {quoted(input_file_id)}.", param=param, code="file_not_found")
