"""A line in another language: translators, what they are told, and how their answers are read."""
