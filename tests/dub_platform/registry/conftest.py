"""Fixtures of the registry's own tests: the same databases as its contract has."""

from tests.contracts.databases import database_url, empty_engine, engine, postgres, postgres_url

__all__ = ["database_url", "empty_engine", "engine", "postgres", "postgres_url"]
