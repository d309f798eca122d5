"""What Beds24 calls those that sell a booking (`channel`), in words for people."""

from __future__ import annotations

BOOKING_COM = "booking"
# Bookings that no OTA has sold.
WITHOUT_OTA = frozenset({"", "direct", "bookingpage"})
NAMES = {
    BOOKING_COM: "Booking.com",
    "agoda": "Agoda",
    "airbnb": "Airbnb",
    "airbnbical": "Airbnb",
    "expedia": "Expedia",
    "hostelworld": "Hostelworld",
    "trip": "Trip.com",
    "vrbo": "Vrbo",
    "vrboical": "Vrbo",
}


def name_of(ota: str) -> str:
    """The OTA's name; one that is not known by Beds24's word for it."""
    return NAMES.get(ota, ota.capitalize())
