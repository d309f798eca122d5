"""`GET /bookings` of the simulator."""

from __future__ import annotations

from datetime import date

from channel_sync.channels.beds24.simulator.booking_fields import STATUSES
from channel_sync.channels.beds24.simulator.queries import Query, choices, day, ids, is_true, moment
from channel_sync.channels.beds24.simulator.scopes import readable
from channel_sync.channels.beds24.simulator.state import Account, Json, State

LISTED_BY_DEFAULT = ("confirmed", "request", "new", "black", "inquiry")
FILTERS = (
    "id", "propertyId", "roomId", "masterId", "apiReference", "channel", "searchString", "arrival", "arrivalFrom",
    "arrivalTo", "departure", "departureFrom", "departureTo", "bookingTimeFrom", "bookingTimeTo", "modifiedFrom",
    "modifiedTo",
)  # fmt: skip
SEARCHED = ("firstName", "lastName", "email", "apiReference", "id")


def find(state: State, account: Account, query: Query) -> list[Json]:
    """Without filters upcoming ones only, without `status` no cancelled ones."""
    rooms = state.owned_rooms(account)
    found = [booking for booking in state.bookings.values() if booking["roomId"] in rooms]
    statuses = choices(query, "status", STATUSES) or list(LISTED_BY_DEFAULT)
    found = [booking for booking in found if booking["status"] in statuses]
    if not any(name in query for name in FILTERS):
        today = date.today().isoformat()
        found = [booking for booking in found if booking["arrival"] >= today]
    for name in ("id", "propertyId", "roomId", "masterId"):
        if wanted := ids(query, name):
            found = [booking for booking in found if booking[name] in wanted]
    if references := query.getlist("apiReference"):
        found = [booking for booking in found if booking["apiReference"] in references]
    if channel := query.get("channel"):
        found = [booking for booking in found if booking["channel"] == channel]
    found = _within_days(found, query)
    for field, prefix in (("bookingTime", "bookingTime"), ("modifiedTime", "modified")):
        found = _between(found, field, moment(query, f"{prefix}From"), moment(query, f"{prefix}To"))
    if search := query.get("searchString", "").casefold():
        found = [b for b in found if any(search in str(b[field]).casefold() for field in SEARCHED)]
    return [
        readable(_listed(state, booking, query), account)
        for booking in sorted(found, key=lambda booking: booking["id"])
    ]


def group_of(state: State, booking: Json) -> Json | None:
    """The `bookingGroup` of a booking; None where it is in none."""
    master = booking["masterId"]
    if master is None:
        return None
    return {"master": master, "ids": sorted(b["id"] for b in state.bookings.values() if b["masterId"] == master)}


def without_items(booking: Json) -> Json:
    """A booking without its invoice items and info items."""
    return {name: value for name, value in booking.items() if name not in ("invoiceItems", "infoItems")}


def _listed(state: State, booking: Json, query: Query) -> Json:
    shown = without_items(booking)
    if is_true(query, "includeBookingGroup"):
        shown["bookingGroup"] = group_of(state, booking)
    if is_true(query, "includeInvoiceItems"):
        shown["invoiceItems"] = booking["invoiceItems"]
    if is_true(query, "includeInfoItems"):
        shown["infoItems"] = booking["infoItems"]
    return shown


def _within_days(found: list[Json], query: Query) -> list[Json]:
    for name in ("arrival", "departure"):
        wanted = day(query, name)
        found = [booking for booking in found if wanted is None or booking[name] == wanted]
        found = _between(found, name, day(query, f"{name}From"), day(query, f"{name}To"))
    return found


def _between(found: list[Json], field: str, first: str | None, last: str | None) -> list[Json]:
    return [b for b in found if (first is None or b[field] >= first) and (last is None or b[field] <= last)]
