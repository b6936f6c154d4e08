"""The database below the registry: connections, tables, statements for SQLite and PostgreSQL."""
