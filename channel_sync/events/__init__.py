"""The durable log: record, life cycle, retries, relay."""
