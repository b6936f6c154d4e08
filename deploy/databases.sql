-- PostgreSQL's image runs this once, on an empty volume. The registry and Dagster each keep their
-- migrations' state in a table named alembic_version, so each has a database of its own.
CREATE DATABASE dagster;
