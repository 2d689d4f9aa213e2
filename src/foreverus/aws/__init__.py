"""Everything that calls boto3, and the twins in memory. Any room may import it; it knows none of them."""
