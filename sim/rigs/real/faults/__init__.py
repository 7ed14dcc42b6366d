"""How each kind of fault is made on the real parts, proven there and taken off again."""
