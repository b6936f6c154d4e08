"""The sensors and the schedule, which turn the registry's rows into runs and record what became of
them.

requesting.py    requests a run for each video and dub that waits
outcome.py       records why a run failed or was stopped
reconciling.py   mends rows whose run is gone (celery_tasks.py)
removal.py       deletes what was made of removed videos and dubs
retention.py     deletes data that nothing refers to any more, every night
pools.py         sets the limits of pools; waiting.py: waits for work within a tick
"""
