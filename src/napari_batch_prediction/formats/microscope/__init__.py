"""Files of microscopes, by way of bioio."""
