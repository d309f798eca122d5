"""`GET /bookings` of the simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import overload

from channel_sync.channels.beds24.simulator.booking_fields import STATUSES
from channel_sync.channels.beds24.simulator.channel_names import FILTERED
from channel_sync.channels.beds24.simulator.queries import Query, choices, day, ids, is_true, moment
from channel_sync.channels.beds24.simulator.scopes import readable
from channel_sync.channels.beds24.simulator.state import Account, Json, State

LISTED_BY_DEFAULT = ("confirmed", "request", "new", "black", "inquiry")
LISTED_BY_FILTERS = ("confirmed", "request", "new")
BESIDE = ("invoiceItems", "infoItems", "guests")
FILTERS = (
    "id", "propertyId", "roomId", "masterId", "apiReference", "channel", "searchString", "arrival", "arrivalFrom",
    "arrivalTo", "departure", "departureFrom", "departureTo", "bookingTimeFrom", "bookingTimeTo", "modifiedFrom",
    "modifiedTo",
)  # fmt: skip
SEARCHED = ("firstName", "lastName", "email", "apiReference", "id")


class Shown(Sequence[Json]):
    """Bookings as a list shows them to an account; of many, only those of the page are made."""

    def __init__(self, found: Sequence[Json], show: Callable[[Json], Json]) -> None:
        self._found = found
        self._show = show

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> Json: ...

    @overload
    def __getitem__(self, index: slice) -> list[Json]: ...

    def __getitem__(self, index: int | slice) -> Json | list[Json]:
        if isinstance(index, slice):
            return [self._show(booking) for booking in self._found[index]]
        return self._show(self._found[index])


def find(state: State, account: Account, query: Query) -> Sequence[Json]:
    """Without filters upcoming ones only, without `status` no cancelled ones."""
    rooms = state.owned_rooms(account)
    found = [booking for booking in state.bookings.values() if booking["roomId"] in rooms]
    chosen = _chosen_by_filter(query)
    statuses = choices(query, "status", STATUSES) or (LISTED_BY_FILTERS if chosen else LISTED_BY_DEFAULT)
    found = [booking for booking in found if booking["status"] in statuses]
    if chosen:
        found = [booking for booking in found if chosen(booking)]
    elif not any(name in query for name in FILTERS):
        today = date.today().isoformat()
        found = [booking for booking in found if booking["arrival"] >= today]
    for name in ("id", "propertyId", "roomId", "masterId"):
        if wanted := ids(query, name):
            found = [booking for booking in found if booking[name] in wanted]
    if references := query.getlist("apiReference"):
        found = [booking for booking in found if booking["apiReference"] in references]
    if channels := choices(query, "channel", FILTERED):
        found = [booking for booking in found if booking["channel"] in channels]
    found = _within_days(found, query)
    for field, prefix in (("bookingTime", "bookingTime"), ("modifiedTime", "modified")):
        found = _between(found, field, moment(query, f"{prefix}From"), moment(query, f"{prefix}To"))
    if search := query.get("searchString", "").casefold():
        found = [b for b in found if any(search in str(b[field]).casefold() for field in SEARCHED)]
    found.sort(key=lambda booking: int(booking["id"]))
    return Shown(found, lambda booking: readable(_listed(state, booking, query), account))


def group_of(state: State, booking: Json) -> Json | None:
    """The `bookingGroup` of a booking; None where it is in none."""
    master = booking["masterId"]
    if master is None:
        return None
    return {"master": master, "ids": sorted(b["id"] for b in state.bookings.values() if b["masterId"] == master)}


def without_items(booking: Json) -> Json:
    """A booking without what stands beside it, or is listed only when asked for."""
    return {name: value for name, value in booking.items() if name not in BESIDE}


def _listed(state: State, booking: Json, query: Query) -> Json:
    listed = without_items(booking)
    if is_true(query, "includeBookingGroup"):
        listed["bookingGroup"] = group_of(state, booking)
    for name in BESIDE:
        if is_true(query, f"include{name[0].upper()}{name[1:]}"):
            listed[name] = booking.get(name, [])
    return listed


def _chosen_by_filter(query: Query) -> Callable[[Json], bool] | None:
    """What the parameter `filter` asks for; days are those of this machine."""
    names = choices(query, "filter", ("arrivals", "departures", "new", "current"))
    if not names:
        return None
    today = date.today().isoformat()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    filters: dict[str, Callable[[Json], bool]] = {
        "arrivals": lambda booking: bool(booking["arrival"] == today),
        "departures": lambda booking: bool(booking["departure"] == today),
        "new": lambda booking: bool(booking["bookingTime"] >= yesterday),
        "current": lambda booking: bool(booking["arrival"] <= today <= booking["departure"]),
    }
    return filters[names[0]]


def _within_days(found: list[Json], query: Query) -> list[Json]:
    for name in ("arrival", "departure"):
        wanted = day(query, name)
        found = [booking for booking in found if wanted is None or booking[name] == wanted]
        found = _between(found, name, day(query, f"{name}From"), day(query, f"{name}To"))
    return found


def _between(found: list[Json], field: str, first: str | None, last: str | None) -> list[Json]:
    return [b for b in found if (first is None or b[field] >= first) and (last is None or b[field] <= last)]
