"""A line in another language."""
