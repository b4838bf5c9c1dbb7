"""Parts that the sections of the window are made of."""
