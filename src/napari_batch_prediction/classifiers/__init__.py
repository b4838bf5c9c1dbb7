"""Classifiers of all workflows, behind one base class."""
