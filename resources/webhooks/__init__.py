"""Sends messages to addresses that users gave, and only to public ones."""
