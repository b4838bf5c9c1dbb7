"""Running a plan: tasks, executors, outputs, tables and the record."""
