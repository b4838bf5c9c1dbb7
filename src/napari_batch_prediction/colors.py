"""Colours of classes."""

Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""
