"""What this process counts, for Prometheus; `PROMETHEUS_MULTIPROC_DIR` adds up the processes of a machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import Counter, Histogram

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

WEBHOOKS = Counter(
    "channel_sync_webhooks", "Webhooks by answer: accepted, duplicate, or why it was rejected.", ["channel", "outcome"]
)
EVENTS = Counter(
    "channel_sync_events_processed",
    "Attempts to work an event, by the status that it was left in.",
    ["direction", "event_type", "status"],
)
EVENT_SECONDS = Histogram(
    "channel_sync_event_seconds",
    "Seconds that a worker took for an event.",
    ["direction", "event_type"],
    buckets=SECONDS,
)
API_SECONDS = Histogram(
    "channel_sync_api_call_seconds",
    "Seconds until a channel answered a call; status 0 when it did not.",
    ["channel", "method", "path", "status"],
    buckets=SECONDS,
)
ITEMS_LEFT_OUT = Counter(
    "channel_sync_listed_items_left_out", "Items of a channel's lists that could not be read.", ["channel", "item"]
)
RATE_LIMIT_HITS = Counter(
    "channel_sync_rate_limit_hits", "Events that were put off because credits ran out.", ["direction", "event_type"]
)


@contextmanager
def timed(direction: str, event_type: str) -> Iterator[None]:
    """Observe how long a worker takes for an event."""
    begun = perf_counter()
    try:
        yield
    finally:
        EVENT_SECONDS.labels(direction, event_type).observe(perf_counter() - begun)
