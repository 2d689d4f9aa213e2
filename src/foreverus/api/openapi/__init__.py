"""The OpenAPI document of the REST API: each route in words, and the shapes of its answers."""
