"""What people upload and get. Imported by batches, cli and bootstrap."""
