"""Judges a history: one invariant a file, pure, so that any run can be judged again."""
