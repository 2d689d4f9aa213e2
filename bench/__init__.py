"""`make bench`: what must be fast and must not grow, each against a named baseline of the same run. Knows `src/`,
`local/` and, for workers on a clock that jumps, `tests/`; nobody imports it.
"""
