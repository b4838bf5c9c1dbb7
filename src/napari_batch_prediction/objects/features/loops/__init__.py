"""The passes over objects, compiled. Only what compiles them imports them, and with them numba."""
