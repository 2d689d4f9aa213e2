"""The fault matrix: what can go wrong, at every moment of a session, and what must hold afterwards."""
