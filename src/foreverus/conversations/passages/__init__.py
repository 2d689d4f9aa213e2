"""Passages of a person's documents as numbered sources in the prompts of their conversations."""
