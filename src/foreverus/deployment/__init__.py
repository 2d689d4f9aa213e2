"""What a deployment runs by itself: custom resources, the published page. Imported by handlers and bootstrap."""
