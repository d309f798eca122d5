"""A booking as Beds24 can hold it: what is too long for it is cut, what it does not take is left out.

It would refuse the whole booking for one long name. The limits are those of its API for `POST /bookings`.
"""

from __future__ import annotations

import re
from decimal import Decimal

from channel_sync.channels.canonical import BookingPush

LONGEST_NAME = 100
LONGEST_NOTES = 2000
MOST_PEOPLE = 99
HIGHEST_PRICE = Decimal("99999999.99")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
COUNTRY = re.compile(r"[A-Za-z]{2}")


def booking_within_limits(push: BookingPush) -> BookingPush:
    """Names, phone and email up to 100 characters, notes up to 2,000, 0 to 99 adults and children.

    A country that is no code of two letters, an email address that is none or too long, and a price below zero or
    beyond all measure are left out.
    """
    guest = push.guest
    return push.model_copy(
        update={
            "adults": min(push.adults, MOST_PEOPLE),
            "children": min(push.children, MOST_PEOPLE),
            "notes": push.notes[:LONGEST_NOTES],
            "price": push.price if push.price is not None and 0 <= push.price <= HIGHEST_PRICE else None,
            "guest": guest.model_copy(
                update={
                    "first_name": guest.first_name[:LONGEST_NAME],
                    "last_name": guest.last_name[:LONGEST_NAME],
                    "phone": guest.phone[:LONGEST_NAME],
                    "email": guest.email if _is_email(guest.email) else "",
                    "country": guest.country if COUNTRY.fullmatch(guest.country) else "",
                }
            ),
        }
    )


def _is_email(text: str) -> bool:
    return len(text) <= LONGEST_NAME and EMAIL.fullmatch(text) is not None
