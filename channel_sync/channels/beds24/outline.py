"""Which booking a stored payload is about, as far as anything in it can be read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LONGEST = 100
DAY = re.compile(r"\d{1,4}-\d{1,2}-\d{1,2}", re.ASCII)


def outline(payload: Any) -> dict[str, str]:
    """`ota`, `reference`, `arrival` and `departure`; what is missing or odd is left out.

    The payload may be anything: it is read when a booking could not be. Names no guest.
    """
    booking = payload
    for wrapper in ("booking", "data"):
        if isinstance(booking, Mapping) and booking.get(wrapper):
            booking = booking[wrapper]
    if not isinstance(booking, Mapping):
        return {}
    found = {
        "ota": _text(booking.get("channel")) or _text(booking.get("apiSource")),
        "reference": _text(booking.get("apiReference")),
        "arrival": _day(booking.get("arrival")),
        "departure": _day(booking.get("departure")),
    }
    return {name: text for name, text in found.items() if text}


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return "".join(filter(str.isprintable, str(value)[:LONGEST])).strip()


def _day(value: Any) -> str:
    """A day as it is written, even one that no calendar has: it may be what is wrong with the booking."""
    found = DAY.match(value) if isinstance(value, str) else None
    return found[0] if found else ""
