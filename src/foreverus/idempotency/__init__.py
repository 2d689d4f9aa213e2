"""One rule for requests that create something and are sent again: by the same Idempotency-Key, or by a client's own
retry. Rooms with routes that create use it."""
