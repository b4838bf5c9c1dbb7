"""The section that chooses the classifier."""
