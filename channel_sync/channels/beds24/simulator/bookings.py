"""`/bookings` of the simulator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from channel_sync.channels.beds24.simulator.answers import ApiError, refused
from channel_sync.channels.beds24.simulator.state import Account, Json, Room, State, nights_of, utc_now

STATUSES = ("confirmed", "request", "new", "cancelled", "black", "inquiry")
LISTED_BY_DEFAULT = ("confirmed", "request", "new", "black", "inquiry")
WEBHOOK_FIELDS = ("status", "arrival", "departure", "roomId", "unitId", "roomQty")
WRITABLE = {
    "masterId", "unitId", "roomId", "roomQty", "status", "subStatus", "arrival", "departure", "numAdult", "numChild",
    "title", "firstName", "lastName", "email", "phone", "mobile", "company", "address", "city", "state", "postcode",
    "country", "country2", "arrivalTime", "comments", "notes", "message", "lang", "price", "deposit", "tax",
    "commission", "refererEditable", *(f"custom{number}" for number in range(1, 11)),
}  # fmt: skip
BLANK: Json = {
    "masterId": None, "unitId": None, "roomQty": 1, "status": "confirmed", "subStatus": "none", "numAdult": 1,
    "numChild": 0, "title": "", "firstName": "", "lastName": "", "email": "", "phone": "", "mobile": "",
    "country2": "", "notes": "", "comments": "", "price": 0, "commission": 0, "channel": "direct", "apiSource": "",
    "apiReference": "", "cancelTime": None, "infoItems": [],
}  # fmt: skip

Changed = Callable[[Json], None]


def find(state: State, account: Account, query: MultiDict[str, str]) -> list[Json]:
    """`GET /bookings`: without filters upcoming ones only, without `status` no cancelled ones."""
    rooms = state.owned_rooms(account)
    found = [booking for booking in state.bookings.values() if booking["roomId"] in rooms]
    statuses = _many(query, "status") or list(LISTED_BY_DEFAULT)
    found = [booking for booking in found if booking["status"] in statuses]
    filters = [name for name in query if name not in ("page", "status") and not name.startswith("include")]
    if not filters:
        today = date.today().isoformat()
        found = [booking for booking in found if booking["arrival"] >= today]
    for name in ("id", "propertyId", "roomId", "masterId", "apiReference"):
        wanted = _many(query, name)
        if wanted:
            found = [booking for booking in found if str(booking.get(name)) in wanted]
    for name in ("arrival", "departure", "channel"):
        if name in query:
            found = [booking for booking in found if booking[name] == query[name]]
    for name, field in (("arrival", "arrival"), ("departure", "departure")):
        found = _between(found, field, query.get(f"{name}From"), query.get(f"{name}To"))
    for name in ("bookingTime", "modifiedTime"):
        prefix = name.removesuffix("Time") if name == "modifiedTime" else name
        found = _between(found, name, _time(query, f"{prefix}From"), _time(query, f"{prefix}To"))
    if search := query.get("searchString", "").casefold():
        fields = ("firstName", "lastName", "email", "apiReference", "id")
        found = [b for b in found if any(search in str(b.get(field, "")).casefold() for field in fields)]
    with_info = query.get("includeInfoItems") == "true"
    return [
        booking if with_info else {key: value for key, value in booking.items() if key != "infoItems"}
        for booking in sorted(found, key=lambda booking: booking["id"])
    ]


def write(state: State, account: Account, items: Any, changed: Changed) -> list[Json]:
    """`POST /bookings`: each item is judged by itself."""
    if not isinstance(items, list):
        raise ApiError(400, 400, "The body has to be an array")
    return [_write_one(state, account, item, changed) for item in items]


def delete(state: State, account: Account, ids: list[str]) -> list[Json]:
    """`DELETE /bookings?id=…`."""
    answers = []
    for booking_id in ids:
        booking = state.bookings.get(int(booking_id)) if booking_id.isdecimal() else None
        if booking is None or booking["roomId"] not in state.owned_rooms(account):
            answers.append(refused("delete booking", "id", "booking not found"))
            continue
        state.rooms[booking["roomId"]].take(booking, +1)
        del state.bookings[booking["id"]]
        answers.append({"success": True, "deleted": booking["id"]})
    return answers


def save(state: State, booking: Json, changes: Json) -> Json:
    """Apply changes to a booking, keep `numAvail` and the times right, and return what is stored."""
    old_room = state.rooms.get(booking.get("roomId", 0))
    if old_room is not None and booking.get("id") in state.bookings:
        old_room.take(booking, +1)
    stored = {**booking, **changes, "modifiedTime": utc_now()}
    if stored["status"] == "cancelled" and booking.get("status") != "cancelled":
        stored["cancelTime"] = stored["modifiedTime"]
    room = state.rooms[stored["roomId"]]
    stored["propertyId"] = room.property_id
    room.take(stored, -1)
    state.bookings[stored["id"]] = stored
    return stored


def new_booking(state: State) -> Json:
    """An empty booking with an id."""
    return {**BLANK, "infoItems": [], "id": next(state.booking_ids), "bookingTime": utc_now()}


def _write_one(state: State, account: Account, item: Any, changed: Changed) -> Json:
    action = "modify booking" if isinstance(item, dict) and item.get("id") else "new booking"
    if not isinstance(item, dict):
        return refused(action, "", "item is not an object")
    rooms = state.owned_rooms(account)
    known = state.bookings.get(int(item["id"])) if str(item.get("id", "")).isdecimal() else None
    if item.get("id") and (known is None or known["roomId"] not in rooms):
        return refused(action, "id", "booking not found")
    booking = known or new_booking(state)
    changes = {key: value for key, value in item.items() if key in WRITABLE}
    problem = problem_of({**booking, **changes}, rooms)
    if problem:
        return refused(action, *problem)
    changes["roomId"] = int({**booking, **changes}["roomId"])
    actions = item.get("actions") or {}
    if (
        known is None
        and actions.get("checkAvailability")
        and _is_full(rooms[changes["roomId"]], {**booking, **changes})
    ):
        return refused(action, "roomId", "no availability")
    if item.get("infoItems"):
        changes["infoItems"] = [*booking["infoItems"], *item["infoItems"]]
    stored = save(state, booking, changes)
    if actions.get("allowWebhooks") and any(stored.get(name) != booking.get(name) for name in WEBHOOK_FIELDS):
        changed(stored)
    if known is None:
        return {"success": True, "new": stored}
    return {"success": True, "modified": {"id": stored["id"], **changes}}


def problem_of(booking: Json, rooms: dict[int, Room]) -> tuple[str, str] | None:
    """What is wrong with a booking: field and message."""
    for name in ("roomId", "arrival", "departure"):
        if not booking.get(name):
            return name, "is required"
    if not str(booking["roomId"]).isdecimal() or int(booking["roomId"]) not in rooms:
        return "roomId", "room not found"
    try:
        arrival, departure = date.fromisoformat(booking["arrival"]), date.fromisoformat(booking["departure"])
    except (TypeError, ValueError):
        return "arrival", "is not a date"
    if departure <= arrival:
        return "departure", "has to be after arrival"
    if booking["status"] not in STATUSES:
        return "status", "is not a status"
    if not isinstance(booking["roomQty"], int) or booking["roomQty"] < 1:
        return "roomQty", "has to be at least 1"
    return None


def _is_full(room: Room, booking: Json) -> bool:
    return any(room.available(night) < booking["roomQty"] for night in nights_of(booking))


def _many(query: MultiDict[str, str], name: str) -> list[str]:
    """`name=1&name=2`, `name[]=1` or `name=1,2`."""
    return [part for value in [*query.getlist(name), *query.getlist(f"{name}[]")] for part in value.split(",") if part]


def _between(found: list[Json], field: str, first: str | None, last: str | None) -> list[Json]:
    return [b for b in found if (first is None or b[field] >= first) and (last is None or b[field] <= last)]


def _time(query: MultiDict[str, str], name: str) -> str | None:
    """A time of the query in the spelling in which bookings keep theirs."""
    if name not in query:
        return None
    try:
        time = datetime.fromisoformat(query[name])
    except ValueError:
        raise ApiError(400, 400, f"{name} is not a time") from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
