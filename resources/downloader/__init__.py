"""Where a video comes from."""
