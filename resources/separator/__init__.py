"""Removes the original voice from the sound that the dub is laid over."""
