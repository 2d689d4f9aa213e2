"""Our own container: who starts it, what it is given to do, and who sees that it is gone (docs/decisions/0056)."""
