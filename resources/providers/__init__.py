"""Paid providers: their addresses and keys, the ledger, and purchases that are made only once."""
