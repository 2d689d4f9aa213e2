"""Finding a conversation by words of its title or of what was said in it. Imported by bootstrap and handlers."""
