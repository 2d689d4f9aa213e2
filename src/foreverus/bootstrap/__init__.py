"""The only place where real things are put together: one builder per Lambda, found by what it is about."""
