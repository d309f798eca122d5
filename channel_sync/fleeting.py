"""Tasks that are worth nothing later: the broker drops a message that no worker took in time.

Celery's own `expires` is a time of the sender's clock, looked at by the receiver's: a worker that is ahead would drop
every message. The broker counts by one clock.
"""

from __future__ import annotations

import time
from typing import Any

from celery import Task

# A header: by the sender's clock, in Unix time.
SENT_AT = "channel_sync_sent_at"


class FleetingTask(Task):  # type: ignore[type-arg]  # not generic at run time
    """`expires` in seconds, of the task (`fleeting_seconds`) or of its schedule, is the broker's to keep."""

    abstract = True
    fleeting_seconds: float | None = None

    def apply_async(self, args: Any = None, kwargs: Any = None, **options: Any) -> Any:  # type: ignore[override]
        """Send it with an expiration of its message."""
        seconds = options.get("expires", self.fleeting_seconds)
        if isinstance(seconds, int | float):
            options.pop("expires", None)
            options["expiration"] = seconds
        options["headers"] = {**(options.get("headers") or {}), SENT_AT: time.time()}
        return super().apply_async(args, kwargs, **options)
