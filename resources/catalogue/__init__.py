"""What becomes of what was made: published, shown as it is now, removed."""
