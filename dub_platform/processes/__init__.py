"""The modules that Dagster's processes and Celery's workers are started with."""
