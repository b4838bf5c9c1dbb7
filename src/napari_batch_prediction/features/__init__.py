"""ilastik's pixel features."""
