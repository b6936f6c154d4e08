"""Tests of the roles' engines and of what they are made of."""
