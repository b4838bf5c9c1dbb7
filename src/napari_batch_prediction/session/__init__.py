"""A batch as somebody works on it: put together, checked, run. Without a window."""
