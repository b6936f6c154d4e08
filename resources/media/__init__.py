"""Media files that nobody vouches for, and the tools that read and write them."""
