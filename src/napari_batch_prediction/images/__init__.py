"""Opened images: axes, shape, type, and pixels that are read by region."""
