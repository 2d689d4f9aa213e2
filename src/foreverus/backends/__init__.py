"""The port that answers prompts, and who speaks it: OpenAI over HTTP, Bedrock. Any room above
may import it."""
