"""The commands of whoever runs the platform."""
