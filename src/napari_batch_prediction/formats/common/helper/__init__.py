"""A second process that may die in place of this one: asking it, and serving in it."""
