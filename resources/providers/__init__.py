"""What is paid for: the provider's address and key, and a purchase that is made once."""
