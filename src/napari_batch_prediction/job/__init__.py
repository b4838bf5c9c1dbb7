"""The job as data: what is predicted, with what, and what is written."""
