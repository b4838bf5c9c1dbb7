"""Many images: job, plan, run, ledger."""
