"""Text read aloud: the port, and Amazon Polly behind it."""
