"""An OpenAI request that a live GPU answers: kept for minutes, queued as a message is, and its answer relayed through
our own WebSocket API (docs/decisions/0033). Imported by worker, sweeps and bootstrap."""
