"""What a user writes: the scenario file, its types, messages and schema."""
