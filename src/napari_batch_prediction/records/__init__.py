"""What happened: events, ledger, and the record on disk."""
