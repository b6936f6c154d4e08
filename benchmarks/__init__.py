"""What the README's figures come from; each is a make target and ends with one line of JSON."""
