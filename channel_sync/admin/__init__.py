"""Django admin for triage: events, mappings, conflicts, runs, properties and a dashboard; thin over `operations`."""

from channel_sync.admin import conflicts, events, mappings, properties, records

__all__ = ["conflicts", "events", "mappings", "properties", "records"]
