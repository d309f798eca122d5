"""What a hotel has to do at an OTA whose booking it has cancelled: at Beds24 alone, the OTA keeps it."""

from __future__ import annotations

from channel_sync.channels.beds24.otas import BOOKING_COM, WITHOUT_OTA, name_of

WAYS = {
    BOOKING_COM: (
        "Ask Booking.com for the cancellation: in its extranet open the reservation and choose 'Request to cancel "
        "reservation'. The guest has to agree."
    ),
    "airbnb": "Cancel it at Airbnb: open the reservation and choose 'Change or cancel'. Airbnb may charge the host.",
    "expedia": "Cancel it in Partner Central: open the reservation and choose 'Request cancellation'.",
    "vrbo": "Cancel it at Vrbo: open the booking and choose 'Cancel booking'.",
    "agoda": "Ask Agoda for the cancellation in YCS, or by its partner support.",
}


def cancellation_advice(ota: str) -> str:
    """What to do about a booking of an OTA, in Beds24's name for it; blank where no OTA stands behind a booking."""
    if ota in WITHOUT_OTA:
        return ""
    name = name_of(ota)
    way = WAYS.get(ota, f"Cancel it in {name}'s extranet too.")
    return f"{name} still has this booking: its guest may arrive, and {name} may charge for it. {way}"
