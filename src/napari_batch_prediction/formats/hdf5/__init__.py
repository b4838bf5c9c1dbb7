"""HDF5, read and written as ilastik does."""
