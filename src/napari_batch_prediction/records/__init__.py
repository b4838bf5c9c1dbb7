"""Events of a run, and its ledger: in memory, and as a file."""
