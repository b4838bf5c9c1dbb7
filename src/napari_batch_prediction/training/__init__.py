"""From labels and images to a classifier."""
