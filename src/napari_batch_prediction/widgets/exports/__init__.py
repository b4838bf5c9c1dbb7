"""The section of the exports: sources, settings, and names of the files."""
