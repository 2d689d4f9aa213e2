"""What is looked after every few minutes: whatever a crash left undone comes to its end. Imported by bootstrap
alone."""
