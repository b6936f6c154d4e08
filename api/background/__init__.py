"""Tasks that run beside the requests.

event_hub.py         reads the event log once for all streams of this process
webhook_delivery.py  sends the messages to webhooks
partition_keys.py    tells Dagster at once about new videos and languages
dagster_daemon.py    whether Dagster's daemon is alive
"""
