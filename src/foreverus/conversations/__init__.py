"""Chats, their messages, and how each is answered. Imported by worker, live, sweeps and bootstrap."""
