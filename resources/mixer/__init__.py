"""Bed and takes made one track."""
