"""A project file as groups of numbers and texts, looked at before HDF5 reads them."""
