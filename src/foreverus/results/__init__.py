"""What is kept in PostgreSQL, and its migrations. Imported by bootstrap and handlers."""
