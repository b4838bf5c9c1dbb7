"""The section that says what became of each image."""
