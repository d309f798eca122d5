"""Count webhooks that were refused, in PostgreSQL and by the hour, whatever strangers send.

A process counts in memory and writes at most once in `PAUSE`: a flood costs a statement in five seconds, and a webhook
of a known property is refused as fast as one of a property that nobody has.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Collection
from threading import Lock
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 5.0
NOTE = """
INSERT INTO channel_rejected_webhooks (channel_name, channel_property_id, subject, reason, hour, count, last_at)
SELECT channel_name, nullif(subject, '')::uuid, subject, reason, date_trunc('hour', statement_timestamp()), number,
    statement_timestamp()
FROM unnest(%(channels)s::text[], %(subjects)s::text[], %(reasons)s::text[], %(numbers)s::int[])
    AS refused (channel_name, subject, reason, number)
ON CONFLICT (channel_name, subject, reason, hour) DO UPDATE
SET count = channel_rejected_webhooks.count + excluded.count, last_at = excluded.last_at
"""

Key = tuple[str, str, str]

_lock = Lock()
_counted: Counter[Key] = Counter()
_written_at = float("-inf")


def note_rejection(channel_name: str, reason: str, property_ids: Collection[UUID] = ()) -> None:
    """Count a webhook that was refused for these properties of ours, or for none that we know."""
    with _lock:
        for subject in map(str, property_ids or ("",)):
            _counted[channel_name, subject, reason] += 1
    write_rejections()


def write_rejections(*, at_once: bool = False) -> None:
    """Write what was counted, unless that was done a moment ago. What the database does not take is kept for later."""
    global _written_at
    with _lock:
        if not _counted or (not at_once and time.monotonic() - _written_at < PAUSE_SECONDS):
            return
        # In one order, so that two processes do not wait for each other's rows.
        counted = sorted(_counted.items())
        _counted.clear()
        _written_at = time.monotonic()
    channels, subjects, reasons = zip(*(key for key, _ in counted), strict=True)
    parameters = {
        "channels": list(channels),
        "subjects": list(subjects),
        "reasons": list(reasons),
        "numbers": [number for _, number in counted],
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(NOTE, parameters)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("refused webhooks could not be counted, they are counted later: %s", error)
        with _lock:
            _counted.update(dict(counted))


def forget_rejections() -> None:
    """Drop what was not written, and write the next one at once."""
    global _written_at
    with _lock:
        _counted.clear()
        _written_at = float("-inf")
