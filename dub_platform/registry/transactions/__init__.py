"""The parts of the registry's transactions, by the rows that they read and write."""
