"""From a file's bytes to its text with its places: kinds, bounds, and a process of its own that reads."""
