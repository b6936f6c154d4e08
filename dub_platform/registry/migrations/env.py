"""Where Alembic runs the migrations: on the connection, in the transaction, it is handed.

`dub_platform.registry.migrate` calls Alembic, which runs this file; nothing imports it.
"""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
