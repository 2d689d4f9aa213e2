"""Chats, their messages, and how each is answered. Imported by worker, live, results, sweeps and
bootstrap."""
