"""Reading values from pickles without unpickling them."""
