"""Classifiers of objects."""
