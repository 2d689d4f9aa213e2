"""The launcher of the emulator. `python -m local.ministack`, run by the emulator's own interpreter."""
