"""ilastik's features of objects: which there are, and their values, computed in passes over parts of an image."""
