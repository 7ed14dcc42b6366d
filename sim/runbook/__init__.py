"""What the operator does: steps with undo, gates, guards and tolerances."""
