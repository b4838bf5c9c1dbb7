"""What a user has on disk, opened lazily as one thing: an Image."""
