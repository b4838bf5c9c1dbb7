"""Exports opened again by napari."""
