"""The only rooms with Qt and napari."""
