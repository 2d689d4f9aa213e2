"""The laptop's cloud: an AWS emulator, a real PostgreSQL, and hosts for what the emulator only pretends to run.

Nothing in `src/` imports this package, and `src/` does not know whether it runs here or on AWS.
"""
