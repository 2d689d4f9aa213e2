"""Who is notified of what, and the outbox of what is not sent yet. Imported by sessions, batches, sweeps and
bootstrap."""
