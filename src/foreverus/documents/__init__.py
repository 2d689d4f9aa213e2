"""People's documents as sources of answers: read, cut, embedded, kept in PostgreSQL, found by meaning and by words."""
