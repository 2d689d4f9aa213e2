"""What a person wants remembered in all their conversations: kept because they said so, read with each question."""
