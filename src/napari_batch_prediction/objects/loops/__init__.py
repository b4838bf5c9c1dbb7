"""Compiled loops over the pixels of labelled volumes."""
