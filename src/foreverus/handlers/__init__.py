"""One file for each Lambda: the index of what runs. Translators only; nobody imports them."""
