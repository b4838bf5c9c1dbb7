"""Images that are trained on, as layers of the viewer: labels to paint on, and the prediction."""
