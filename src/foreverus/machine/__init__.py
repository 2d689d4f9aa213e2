"""What a GPU instance runs outside Python: its start script, its two systemd units, the engine's chat template.

User data fetches the package and runs start.sh. Nobody imports this folder; tests/template/test_machine.py holds it.
"""
