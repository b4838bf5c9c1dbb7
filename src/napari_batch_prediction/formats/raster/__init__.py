"""Pictures: PNG, JPEG, BMP, GIF, HDR and PNM."""
