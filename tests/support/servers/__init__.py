"""Real servers of the tests' own."""
