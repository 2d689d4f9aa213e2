"""What people have used, day by day: counted with what is saved, so limits, the page and an export say the same."""
