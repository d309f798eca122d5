"""Moments in UTC: ISO 8601 knows offsets that PostgreSQL does not."""

from __future__ import annotations

from datetime import UTC, datetime


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises `ValueError` for one that falls out of the calendar there."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside of the calendar") from None
