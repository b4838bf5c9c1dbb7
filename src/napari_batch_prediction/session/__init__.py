"""A batch as somebody works on it, without a window: edited, checked, run."""
