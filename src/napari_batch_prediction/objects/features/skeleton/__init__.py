"""ilastik's features of the skeletons of objects in 2D."""
