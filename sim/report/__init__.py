"""What a person takes away: text, JSON, JUnit, runbook."""
