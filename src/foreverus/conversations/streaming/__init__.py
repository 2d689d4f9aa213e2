"""Answers while they are written, whoever writes them: the words go to those who watch, and into the table."""
