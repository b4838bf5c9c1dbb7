"""Outputs opened again in napari."""
