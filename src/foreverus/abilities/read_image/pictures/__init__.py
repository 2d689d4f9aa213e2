"""What an image file is, by its own bytes: one file for each format. Nothing is decoded."""
