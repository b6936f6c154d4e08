"""How fast voices speak, and what is said shorter because it would not fit."""
