"""Serving the lines of one shard, on the GPU or on Bedrock: answered, saved as they end, taken up by whoever comes
next. Imported by batches, worker and bootstrap."""
