"""The rules of the service around the dubbing: ids, access, costs, events, webhooks, metrics."""
