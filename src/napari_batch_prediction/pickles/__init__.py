"""Values out of pickles, without unpickling."""
