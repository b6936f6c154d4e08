"""The original voice taken out of what the dub is laid over."""
