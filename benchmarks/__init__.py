"""What docs/reference/measured.md tells; each is a make target, and ends with one line of JSON."""
