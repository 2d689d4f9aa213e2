"""What somebody said, as text: the port, and Amazon Transcribe behind it."""
