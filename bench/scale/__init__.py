"""How far it goes, measured: docs/scale.md has the arithmetic beside it.

The laptop's cloud is one process for all of AWS, so times here are the laptop's. What is measured is ours: that each
person gets one answer or one clear error, what an answer takes of AWS, and what of that grows with people.
"""
