"""`foreverus chat`: questions in, answers as they are written. Imported by the command line alone."""
