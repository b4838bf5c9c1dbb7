"""Events of a run, the ledger in memory, and the record on disk."""
