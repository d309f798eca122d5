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


KNOWN = (Known("POST /inventory/rooms/calendar", "calendar.price1", "minimum", "a negative price is sent"),)


def is_known(fault: Fault) -> bool:
    """Whether a fault is let through."""
    return any(fault_of(known) == (fault.endpoint, fault.field, fault.rule) for known in KNOWN)


def fault_of(known: Known) -> tuple[str, str, str]:
    """What an entry lets through."""
    return known.endpoint, known.field, known.rule
