"""People who watch: WebSocket connections, what they subscribed to, and how each sees a session change.
Imported by bootstrap and handlers."""
