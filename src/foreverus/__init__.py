"""Forever Us: a small team's own Mistral 7B in its own AWS account, for the price of the work it does."""
