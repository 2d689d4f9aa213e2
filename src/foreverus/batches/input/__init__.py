"""The format of a batch's lines, and the check of its whole file. Pure rules; the command line imports them too."""
