"""What goes wrong: faults written ahead, made, proven and healed."""
