"""Images and what was predicted for them as layers of the viewer."""
