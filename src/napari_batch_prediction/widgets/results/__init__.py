"""The section with the results of each image."""
