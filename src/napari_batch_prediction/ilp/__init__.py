"""Reading ilastik project files as data."""
