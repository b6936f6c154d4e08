"""The platform, or a part of it, started for a test or a benchmark."""
