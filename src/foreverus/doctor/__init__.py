"""Is this AWS account ready, and is this stack well? Reads only: `foreverus doctor`."""
