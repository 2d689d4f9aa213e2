"""What one person may do and have at a time: limits, counted exactly. Imported by what has a limit, and bootstrap."""
