"""Django admin for triage: events, bookings, mappings, conflicts, runs, properties, a dashboard; over `operations`."""

from channel_sync.admin import (
    bookings,
    conflicts,
    events,
    mappings,
    properties,
    property_roles,
    records,
    subscriptions,
)

__all__ = [
    "bookings",
    "conflicts",
    "events",
    "mappings",
    "properties",
    "property_roles",
    "records",
    "subscriptions",
]
