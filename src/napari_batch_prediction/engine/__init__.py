"""A backend of prediction: blocks of pixels in, values out."""
