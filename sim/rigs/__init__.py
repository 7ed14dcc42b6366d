"""What a rehearsal plays against."""
