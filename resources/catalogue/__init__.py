"""Finished dubs: publishes and removes them, and shows their lines as they are now."""
