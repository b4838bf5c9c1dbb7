"""Random forests as flat arrays."""
