"""What the sections of the window are made of."""
