"""A line spoken."""
