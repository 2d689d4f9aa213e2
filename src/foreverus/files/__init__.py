"""What people upload and get. Imported by batches and bootstrap."""
