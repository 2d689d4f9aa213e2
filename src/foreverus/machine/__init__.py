"""What a GPU instance runs outside Python: its scripts, its systemd units, the engine's chat template.

User data fetches the package and runs start.sh. Nobody imports this folder; tests/template/test_machine.py holds it.
"""
