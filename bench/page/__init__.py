"""The page in a real Chromium whose processor is slowed down four times, against the tests' scripted cloud, and beside
each figure that of a plain page which does as little as can be done."""
