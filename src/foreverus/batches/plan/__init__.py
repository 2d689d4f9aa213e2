"""What comes next for a batch: which backend, how long, what it costs, and what an error means. Pure but for the
planner. Imported by batches and bootstrap."""
