"""Where real things are put together: one builder for each Lambda, of its handler's name. Imported by handlers."""
