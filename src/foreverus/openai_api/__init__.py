"""OpenAI's chat API: a small web application, which asks Bedrock or the live GPU and streams what they write."""
