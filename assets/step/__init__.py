"""What every step of the pipeline has in common besides its own work."""
