"""The run of a plan."""
