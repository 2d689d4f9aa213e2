"""Bad luck on order, for `make faults`: rules that make AWS calls fail.

`rules.py` and `names.py` are pure; `inject.py` and `machines.py` put the rules into the emulator's process (`python -m
local.ministack --faults`), which imports nothing of ours but the patches. The model's own bad luck is ordered in
prompts: see local/engine/orders.py.
"""
