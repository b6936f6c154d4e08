"""The weights that neural engines read: which there are, where they lie, how they get there."""
