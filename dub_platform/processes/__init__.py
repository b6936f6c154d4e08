"""What Dagster's processes and Celery's workers load."""
