"""Where artifacts and releases are kept."""
