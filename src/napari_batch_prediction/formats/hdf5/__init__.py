"""HDF5, as ilastik reads and writes it."""
