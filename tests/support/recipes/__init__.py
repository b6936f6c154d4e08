"""Inputs with known answers, made at test time."""
