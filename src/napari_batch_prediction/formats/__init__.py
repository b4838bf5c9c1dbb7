"""One folder for each format of image files, and their registry."""
