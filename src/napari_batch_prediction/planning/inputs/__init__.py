"""Inputs of a job: opened and judged, and those that are results or parts of other images."""
