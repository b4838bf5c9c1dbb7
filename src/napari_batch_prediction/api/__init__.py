"""The verbs of Python: what the public functions and the methods of a job do."""
