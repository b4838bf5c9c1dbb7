"""Locations of images: expanding the inputs of a user, and opening each image."""
