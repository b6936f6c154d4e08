"""Where Alembic runs the migrations: on the connection it is handed.

Each in a transaction of its own, unless the connection is in one, which then holds them all.
`dub_platform.registry.migrate` calls Alembic, which runs this file; nothing imports it.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
