"""Webhook bodies as Beds24 sends them."""

from datetime import date, timedelta
from typing import Any

TIME = "2026-11-01T10:00:00Z"
LATER = "2026-11-01T11:00:00Z"
LATEST = "2026-11-01T12:00:00Z"


def booking(**changes: Any) -> dict[str, Any]:
    """The booking of a webhook."""
    check_in = date.today() + timedelta(days=30)
    return {
        "id": 5000001,
        "propertyId": 1001,
        "roomId": 2001,
        "unitId": 1,
        "roomQty": 1,
        "status": "new",
        "subStatus": "none",
        "arrival": str(check_in),
        "departure": str(check_in + timedelta(days=2)),
        "numAdult": 2,
        "numChild": 0,
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@example.org",
        "phone": "+44 20 7946 0000",
        "channel": "booking",
        "apiSource": "Booking.com",
        "apiReference": "BDC-1",
        "price": 240,
        "commission": 36,
        "bookingTime": TIME,
        "modifiedTime": TIME,
        "cancelTime": None,
        "masterId": None,
        **changes,
    }


def webhook(*, retries: int = 0, info_items: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """A booking webhook V2."""
    return {
        "timeStamp": "2026-11-01T12:00:05Z",
        "booking": booking(**changes),
        "infoItems": info_items or [],
        "invoiceItems": [],
        "messages": [],
        "retries": retries,
    }


def envelope(event: str, event_id: str = "event-1", **changes: Any) -> dict[str, Any]:
    """The envelope of senders that number their events."""
    return {"event_id": event_id, "event": event, "data": booking(**changes)}
