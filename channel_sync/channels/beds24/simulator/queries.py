"""Query parameters as Beds24 reads them: lists are repeated, dates are strict, what it does not know it ignores."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from werkzeug.datastructures import MultiDict

from channel_sync.channels.beds24.simulator.answers import ApiError
from channel_sync.channels.beds24.simulator.booking_fields import is_day

Query = MultiDict[str, str]


def ids(query: Query, name: str) -> set[int]:
    """A repeated number. A comma list is refused; `name[0]` is another parameter, and ignored."""
    values = query.getlist(name)
    if not all(value.isascii() and value.isdecimal() for value in values):
        raise ApiError(400, 400, f"Parameter {name} is in an invalid format. Expected format: integer")
    return {int(value) for value in values}


def choices(query: Query, name: str, known: Collection[str]) -> list[str]:
    """A repeated choice among known values."""
    values = query.getlist(name)
    unknown = [value for value in values if value not in known]
    if unknown:
        raise ApiError(400, 400, f"Parameter {name} is invalid. Valid values: {', '.join(known)}")
    return values


def day(query: Query, name: str, *, required: bool = False) -> str | None:
    """A date."""
    value = query.get(name)
    if value is None and not required:
        return None
    if not is_day(value):
        raise ApiError(400, 400, f"Parameter {name} is in an invalid format. Expected format: YYYY-MM-DD")
    return value


def moment(query: Query, name: str) -> str | None:
    """A date, or a time in UTC, in the spelling in which bookings keep theirs."""
    value = query.get(name)
    if value is None:
        return None
    if is_day(value):
        return f"{value}T00:00:00Z"
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ApiError(
            400, 400, f"Parameter {name} is in an invalid format. Expected format: YYYY-MM-DDTHH:MM:SSZ"
        ) from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_true(query: Query, name: str) -> bool:
    """A flag."""
    return query.get(name) == "true"
