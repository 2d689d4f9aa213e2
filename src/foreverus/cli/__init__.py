"""`foreverus batch …`: a client of our API over HTTP. Nothing of AWS is in it: it needs httpx, rich and jsonschema.
Nobody imports it."""
