"""The dock in which a classifier is trained on strokes that are painted over images."""
