"""A line spoken: voices, their prices, and the takes that are kept of them."""
