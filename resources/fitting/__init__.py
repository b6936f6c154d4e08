"""Fits speech to its time: known speaking rates, and shorter texts for lines that would be too
long."""
