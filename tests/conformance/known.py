"""Where the client does not conform yet. An entry that is no longer needed fails `test_client_requests.py`."""

from __future__ import annotations

from typing import NamedTuple

from tests.conformance.faults import Fault


class Known(NamedTuple):
    """A rule that a field of an endpoint may break, and why."""

    endpoint: str
    field: str
    rule: str
    reason: str


NOT_CUT = "what the PMS holds is sent as it is, however long"
NOT_LIMITED = "the number of the PMS is sent as it is, whatever it is"

KNOWN = (
    Known("POST /bookings", "email", "format", "an empty address is sent, which is none; it has to be left out"),
    Known("POST /bookings", "email", "maxLength", NOT_CUT),
    Known("POST /bookings", "firstName", "maxLength", NOT_CUT),
    Known("POST /bookings", "lastName", "maxLength", NOT_CUT),
    Known("POST /bookings", "phone", "maxLength", NOT_CUT),
    Known("POST /bookings", "notes", "maxLength", NOT_CUT),
    Known("POST /bookings", "country2", "pattern", "a country that is no code of two letters is sent all the same"),
    Known("POST /bookings", "numAdult", "maximum", NOT_LIMITED),
    Known("POST /bookings", "numChild", "maximum", NOT_LIMITED),
    Known("POST /bookings", "price", "minimum", "a negative price is sent, where the limit is 0"),
    Known("POST /bookings", "price", "maximum", NOT_LIMITED),
    Known("POST /inventory/rooms/calendar", "calendar.price1", "minimum", "a negative price is sent"),
)


def is_known(fault: Fault) -> bool:
    """Whether a fault is let through."""
    return any(fault_of(known) == (fault.endpoint, fault.field, fault.rule) for known in KNOWN)


def fault_of(known: Known) -> tuple[str, str, str]:
    """What an entry lets through."""
    return known.endpoint, known.field, known.rule
