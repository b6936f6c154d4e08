"""The registry's schema as Alembic migrations, run by `dub-admin migrate`."""
