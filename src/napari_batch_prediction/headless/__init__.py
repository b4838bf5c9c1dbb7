"""The command line of ``ilastik --headless``, for programs that start ilastik for each image."""
