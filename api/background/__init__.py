"""What works beside the requests.

event_hub.py         one reader of the log of events, for all streams of this process
webhook_delivery.py  sends the messages to webhooks
partition_keys.py    tells Dagster which partitions exist now
dagster_daemon.py    whether Dagster's daemon is alive
"""
