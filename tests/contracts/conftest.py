"""Fixtures of the contracts: the databases a registry is held to its promises on."""

from tests.contracts.databases import database_url, empty_engine, engine, postgres, postgres_url

__all__ = ["database_url", "empty_engine", "engine", "postgres", "postgres_url"]
