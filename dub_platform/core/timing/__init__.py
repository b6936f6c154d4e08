"""Fits lines into their time: characters that can be said in it, pauses, lines to say shorter."""
