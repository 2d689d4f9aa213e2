"""Who is calling and who may what: access tokens and API keys. Imported by bootstrap and handlers."""
