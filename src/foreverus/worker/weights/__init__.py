"""A model's weights: from the data bucket to the machine before the engine starts, and once the other way."""
