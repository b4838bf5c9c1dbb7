"""The passes over a block, compiled. Only what compiles them imports them, and with them numba."""
