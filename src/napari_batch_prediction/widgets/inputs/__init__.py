"""The section that lists the images."""
