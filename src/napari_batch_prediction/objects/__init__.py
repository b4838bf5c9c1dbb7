"""Objects: connected pixels with a label, and the numbers that describe each of them."""
