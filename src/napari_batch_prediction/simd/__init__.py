"""Short vectors as values in compiled code."""
