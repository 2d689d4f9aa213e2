"""What each Lambda needs from its environment."""
