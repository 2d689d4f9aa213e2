"""Prices, meter, receipt, ledger: what was spent and what may be. Imported by sessions, conversations, batches, results
and bootstrap."""
