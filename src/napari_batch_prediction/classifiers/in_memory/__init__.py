"""What classifiers make of whole images in memory."""
