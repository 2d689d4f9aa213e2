"""Everything of a person in one zip file."""
