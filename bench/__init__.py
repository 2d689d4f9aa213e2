"""`make bench`: what must be fast, each as a ratio or difference against a named baseline of the same run."""
