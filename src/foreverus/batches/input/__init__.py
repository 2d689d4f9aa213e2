"""The format of a batch's lines, and the check of its whole file. Pure but for validation.py, the first step. Imported
by all of batches, by bootstrap and by the command line."""
