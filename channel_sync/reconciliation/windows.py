"""The days that a person may have compared: each of them is counted, so they are not without end."""

from __future__ import annotations

from datetime import date, timedelta

from channel_sync.errors import InvalidWindow

MOST_DAYS = 1_100
BACK = AHEAD = timedelta(days=MOST_DAYS)


def require_window(first: date, last: date, today: date) -> None:
    """Raise `InvalidWindow` for days that are out of order, too many, or too far from today."""
    if last < first:
        raise InvalidWindow("end", "The last day is before the first.")
    if first < today - BACK:
        raise InvalidWindow("start", f"Nothing is compared before {today - BACK}, {MOST_DAYS:,} days back.")
    if last > today + AHEAD:
        raise InvalidWindow("end", f"Nothing is compared after {today + AHEAD}, {MOST_DAYS:,} days ahead.")
    if (last - first).days >= MOST_DAYS:
        raise InvalidWindow("end", f"At most {MOST_DAYS:,} days are compared at once.")
