"""What this deployment can do beside writing text: one folder for each ability, with a port and its adapters."""
