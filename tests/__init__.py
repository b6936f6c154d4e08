"""Tests: a folder for each package, `contracts/` for roles, `integration/` for all together."""
