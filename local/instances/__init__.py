"""The laptop's GPU instances: real processes behind the emulator's EC2 records.

On AWS an instance is a machine. In the emulator it is a record. This host process watches the records and runs, for
each instance that a session launched, what the real machine would run: the engine, the worker under the instance's own
role, a metadata service, and the power timer of its user data. See `machine.py` for one machine's life.
"""
