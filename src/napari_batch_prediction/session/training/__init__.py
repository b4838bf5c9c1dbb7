"""Training while somebody paints: labels and a view of the images -> a classifier and its prediction."""
