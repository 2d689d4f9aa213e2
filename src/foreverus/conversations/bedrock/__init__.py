"""Chats that Bedrock answers: one call of a function answers what waits in a conversation, and what happens to a
message when it cannot."""
