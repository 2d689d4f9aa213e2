"""A file that comes in parts: OpenAI's Uploads API. For files that are too large for one request."""
