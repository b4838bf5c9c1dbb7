"""Tables of a whole batch."""
