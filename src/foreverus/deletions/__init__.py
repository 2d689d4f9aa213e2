"""What is deleted and not gone from every store yet. Imported by conversations, results and bootstrap."""
