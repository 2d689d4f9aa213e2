"""What the system asks of AWS, counted in the emulator, for `python -m bench scale_people scale_gpus`.

`book.py` is pure; `counted.py` puts it into the emulator (`python -m local.ministack --counts`), which imports
nothing of ours but the patches and what `local/faults` has for the same purpose.
"""
