"""Sequences of files, one for each index along an axis."""
