"""What a user picks: every workflow behind one protocol."""
