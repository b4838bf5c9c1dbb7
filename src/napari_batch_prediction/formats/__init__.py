"""Reading and writing files: a folder for each format, and their registry."""
