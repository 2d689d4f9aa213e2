"""Bad luck on order, for `make faults`: rules that make AWS calls fail, and an engine that counts.

`rules.py` and `names.py` are pure; `inject.py` and `machines.py` put the rules into the emulator's process (`python -m
local.ministack --faults`), which imports nothing of ours but the mends; `engine.py` stands in for the model (`python -m
local.instances --engine`, `python -m local.bedrock --engine`).
"""
