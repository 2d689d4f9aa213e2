"""What is kept in PostgreSQL, and its migrations. Imported by sweeps and bootstrap."""
