"""Images of OME-TIFF and Micro-Manager, which may be spread over several files."""
