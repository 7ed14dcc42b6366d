"""The verdict: one invariant a file."""
