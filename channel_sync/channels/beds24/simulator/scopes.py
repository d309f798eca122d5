"""What a token may do: its scopes, and the fields of a booking that some of them are needed for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from channel_sync.channels.beds24.simulator.answers import ApiError
from channel_sync.channels.beds24.simulator.booking_fields import FINANCIAL, PERSONAL
from channel_sync.channels.beds24.simulator.state import Account, Json

KINDS = ("read", "write", "delete", "all")
AREAS = ("bookings", "bookings-personal", "bookings-financial", "inventory", "properties", "accounts", "channels")
# Which fields need which scope is documented of `guests` alone; the rest is inferred.
FIELDS_OF = {
    "bookings-personal": (*PERSONAL, "guests"),
    "bookings-financial": (*FINANCIAL, "invoiceItems"),
}


def has(account: Account, scope: str) -> bool:
    """Whether an account has a scope, or all of its area."""
    area = scope.partition(":")[2]
    return scope in account.scopes or f"all:{area}" in account.scopes


def require(account: Account, scope: str) -> None:
    """403 without the scope."""
    if scope and not has(account, scope):
        raise ApiError(403, 403, f"Token does not have the scope {scope}")


def withheld(account: Account, kind: str) -> set[str]:
    """The fields of a booking that an account may not `read` or `write`."""
    return {name for area, fields in FIELDS_OF.items() if not has(account, f"{kind}:{area}") for name in fields}


def readable(booking: Json, account: Account) -> Json:
    """A booking without the fields that the account may not read: they are absent, not empty."""
    hidden = withheld(account, "read")
    return {name: value for name, value in booking.items() if name not in hidden}


def unknown(scopes: Any) -> list[str]:
    """The scopes of a list that there are not."""
    if not isinstance(scopes, Iterable) or isinstance(scopes, str):
        return [str(scopes)]
    known = {f"{kind}:{area}" for kind in KINDS for area in AREAS}
    return [str(scope) for scope in scopes if scope not in known]
