"""The registry's schema as Alembic migrations, run by `dub_platform.registry.migrate`."""
