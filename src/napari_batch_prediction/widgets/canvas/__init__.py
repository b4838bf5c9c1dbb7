"""Images and their predictions as layers of the viewer."""
