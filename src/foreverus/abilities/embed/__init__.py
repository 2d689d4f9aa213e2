"""What a text means, as a direction in a space of many dimensions: the port, and Amazon Titan behind it."""
