"""What is written, under which name, in which format."""
