"""Pictures: PNG, JPEG, BMP, GIF and others."""
