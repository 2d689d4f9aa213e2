"""Where a GPU's worker fetches the images that a line of a batch names.

The worker names the line. That its batch waits for a GPU says the batch's own record, what the line names our own copy
of the input, whose an image is the person's list of files: no GPU machine may write any of them. It may write shards,
so of these no more than is taken from them than where to read in that copy. So a stolen machine gets images that lines
of batches show which GPUs answer just now, and no other file of anybody's (docs/decisions/0063).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from foreverus.abilities.read_image.gpu import LENT_S
from foreverus.aws import keys
from foreverus.aws.dynamo import Table
from foreverus.aws.s3 import Objects
from foreverus.batches import items as codec
from foreverus.batches.input.file_check import SHARD_BYTES
from foreverus.batches.input.lines import MAX_LINE_BYTES, named_in
from foreverus.batches.records import Batch, Shard
from foreverus.batches.shards.resources import LineRef, in_round
from foreverus.choice.records import NextStep
from foreverus.files.records import FilePurpose
from foreverus.files.store import from_item

MOST_BYTES = SHARD_BYTES + MAX_LINE_BYTES  # more than any shard has


@dataclass(frozen=True)
class LineImageAddresses:
    """`objects`: where people's files are, and our copies of what batches ask. Its presigned addresses are those of
    whoever runs this."""

    items: Table
    objects: Objects

    def of(self, ref: LineRef) -> dict[str, str] | None:
        """An address for each image of its person's that the line names and that is there. None: no GPU answers the
        line in this round (any more)."""
        batch, shard = self._found(ref)
        if batch is None or shard is None or shard.is_done or not in_round(batch, ref.round):
            return None
        if batch.newest_round.planned is not NextStep.GPU:
            return None
        data = self.objects.read(batch.input_key, shard.start, min(shard.end, shard.start + MOST_BYTES))
        return self._addresses(batch.user_id, named_in(data, shard.first_line, ref.line))

    def _found(self, ref: LineRef) -> tuple[Batch | None, Shard | None]:
        places = keys.batch_key(ref.batch.user_id, ref.batch.batch_id), keys.shard_key(ref.batch.batch_id, ref.shard)
        found = {item["pk"]: item for item in self.items.get_all(places)}
        batch, shard = (found.get(one["pk"]) for one in places)
        if batch is None or shard is None:
            return None, None
        return codec.batch_from_item(batch), codec.shard_from_item(shard)

    def _addresses(self, user_id: str, named: Sequence[str]) -> dict[str, str]:
        places = [keys.file_key(user_id, one) for one in dict.fromkeys(named)]
        files = map(from_item, self.items.get_all(places)) if places else ()
        shown = [one for one in files if one.purpose is FilePurpose.VISION]
        return {one.file_id: self.objects.presigned_get(one.object_key, seconds=LENT_S) for one in shown}
