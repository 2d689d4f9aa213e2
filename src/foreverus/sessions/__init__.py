"""A GPU's life: launch, mailbox, capacity diary, closing, reaping. Imported by conversations, batches and all above
them."""
