"""The registry on SQLite and PostgreSQL: the catalogue, the queue of work and maintenance in one.

    registry = SqlRegistry.at("postgresql://dub@db/registry")
    registry.accept(NewVideo(id="dQw4w9WgXcQ", source=Source.YOUTUBE), ["es", "ca"])
    for work in registry.claim_dubs(limit=50, now=datetime.now(timezone.utc)): ...

Every method is one transaction. One that reads before it writes locks the video's row first
(on SQLite: the database), so two of them about the same video come one after the other. The
schema comes from `migrate.py`. Tested by `tests/contracts/test_registry.py` on both databases.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from dub_platform.core.errors import StorageError
from dub_platform.registry.catalogue import SqlCatalogue
from dub_platform.registry.database.engine import engine_at
from dub_platform.registry.database.tables import channels, dubs, videos
from dub_platform.registry.maintenance import SqlMaintenance
from dub_platform.registry.port import Catalogue
from dub_platform.registry.tenants import TenantCatalogue
from dub_platform.registry.work import SqlWorkQueue


class SqlRegistry(SqlCatalogue, SqlWorkQueue, SqlMaintenance):
    """Keeps the promises of `Registry` in an SQL database. Safe to share between threads."""

    @classmethod
    def at(cls, url: str) -> SqlRegistry:
        """The registry at a SQLAlchemy URL; nothing is connected yet."""
        return cls(engine_at(url))

    def of(self, tenant: str) -> Catalogue:
        return TenantCatalogue(self, tenant)

    def ping(self) -> None:
        try:
            with self._reading.connect() as connection:
                for table in (videos, dubs, channels):
                    connection.execute(select(table).limit(1))
        except SQLAlchemyError as error:
            raise StorageError(
                "The registry's database does not answer, or its tables are not this release's: "
                "check that it runs, and migrate it.",
                detail=str(error),
            ) from error
