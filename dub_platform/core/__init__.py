"""Plain Python: the types of the pipeline and the rules of dubbing.

Nothing here reads a file, opens a socket or knows Dagster, so all of it is tested in
milliseconds (`make test-quick`).
"""
