"""How many bookings of a day one channel may have: `channels.<name>.maxBookings` of the calendar."""

from __future__ import annotations

from typing import Any

from channel_sync.channels.beds24.simulator.channel_names import LIMITED
from channel_sync.channels.beds24.simulator.state import Json

MOST = "maxBookings"


def wrong_limit(channels: Any) -> str | None:
    """The first field that cannot be written."""
    if not isinstance(channels, dict):
        return "channels"
    for name, limit in channels.items():
        if name not in LIMITED or not isinstance(limit, dict) or set(limit) != {MOST}:
            return f"channels_{name}"
        most = limit[MOST]
        if most is not None and (not isinstance(most, int) or isinstance(most, bool)):
            return f"channels_{name}_{MOST}"
    return None


def with_limits(present: Json | None, changes: Json) -> Json | None:
    """The limits of a day after a POST; null removes one, and a day without limits has none to show."""
    limits = {**(present or {}), **changes}
    return {name: limit for name, limit in limits.items() if limit[MOST] is not None} or None
