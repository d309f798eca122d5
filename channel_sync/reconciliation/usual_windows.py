"""Which days a run compares where nobody asks for others."""

from __future__ import annotations

from datetime import date, timedelta

from channel_sync.models import ReconciliationKind
from channel_sync.reconciliation import availability, bookings, rates


def usual_window(kind: ReconciliationKind, today: date) -> tuple[date, date]:
    """First and last day."""
    if kind is ReconciliationKind.BOOKINGS:
        return today - timedelta(days=bookings.DAYS_BEFORE), today + timedelta(days=bookings.DAYS_AFTER)
    days = availability.DAYS if kind is ReconciliationKind.AVAILABILITY else rates.DAYS
    return today, today + timedelta(days=days)
