"""Training a classifier from labels and images."""
