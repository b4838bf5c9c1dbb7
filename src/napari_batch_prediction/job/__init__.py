"""The job as data: classifier, inputs, exports and settings."""
