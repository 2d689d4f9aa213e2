"""People who watch: WebSocket connections, what they subscribed to, and the sessions that change before their eyes."""
