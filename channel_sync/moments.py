"""Moments in UTC, and those that can be believed: a channel may send any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# How far a channel's clock may be ahead of ours: a later time comes from no clock, and orders nothing.
CLOCK_TOLERANCE = timedelta(minutes=5)


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC: ISO 8601 knows offsets that PostgreSQL does not.

    Raises `ValueError` for one that falls out of the calendar there.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside of the calendar") from None


def time_to_order_by(moment: datetime | None, now: datetime) -> datetime | None:
    """A time as far as states can be ordered by it; None for one that has not come yet."""
    return moment if moment is not None and moment <= now + CLOCK_TOLERANCE else None
