"""Running a plan: tasks, executors, outputs, tables and the ledger."""
