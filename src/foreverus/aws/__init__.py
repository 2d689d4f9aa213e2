"""Everything that calls boto3 but Bedrock's backend, and the twins in memory. Any room above may import it; it knows
none of them."""
