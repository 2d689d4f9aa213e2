"""Real arrivals replayed against the product's own rules: what idle time and choice of a backend cost, and how long
people wait, beside other rules and one that knows the future."""
