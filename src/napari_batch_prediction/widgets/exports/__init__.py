"""The section that says what is written."""
