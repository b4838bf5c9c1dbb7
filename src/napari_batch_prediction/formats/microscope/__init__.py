"""Files of microscopes, read by bioio."""
