"""Reading images: whoever answers a prompt that has some, and what an image must be before it comes there."""
