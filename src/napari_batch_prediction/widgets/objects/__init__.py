"""Objects on the canvas: their numbers as features of a layer, and the way from a row of these to an object."""
