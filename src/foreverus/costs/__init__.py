"""Prices, meter, receipt, ledger: what was spent and what may be. Any room above backends and aws may import it."""
