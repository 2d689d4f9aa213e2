"""A person leaves: everything they have goes, or comes along. Imported by bootstrap and handlers."""
