"""Who is told what, and the outbox of what is still owed. Sessions and batches write into it; sweeps send the rest."""
