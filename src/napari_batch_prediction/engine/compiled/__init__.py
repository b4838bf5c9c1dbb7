"""The engine for the cores of this computer: loops compiled by numba."""
