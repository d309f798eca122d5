"""`/bookings/messages` of the simulator: what guest and host write to each other about a booking."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any

from channel_sync.channels.beds24.simulator.answers import ApiError, refused
from channel_sync.channels.beds24.simulator.queries import Query, choices, ids
from channel_sync.channels.beds24.simulator.state import Account, Json, State, utc_now

SOURCES = ("host", "guest", "internalNote", "system")
# What a host writes; the others write by themselves.
WRITTEN_SOURCES = ("host", "internalNote")
ATTACHMENT_TYPES = ("image/jpeg", "image/png", "image/gif", "application/pdf")
TAKEN = ("id", "bookingId", "read", "message", "attachment", "attachmentName", "attachmentMimeType", "source")
OLDEST_DAYS = 999
NEW, MODIFY = "new message", "modify message"


def find(state: State, account: Account, query: Query) -> list[Json]:
    """`GET /bookings/messages`."""
    found = _chosen(state, account, query, "id")
    if sources := choices(query, "source", SOURCES):
        found = [message for message in found if message["source"] in sources]
    if wanted := choices(query, "filter", ("read", "unread")):
        found = [message for message in found if bool(message["read"]) is (wanted[0] == "read")]
    if (oldest := _oldest(query)) is not None:
        found = [message for message in found if message["time"] >= oldest]
    return found


def write(state: State, account: Account, items: list[Any]) -> list[Json]:
    """`POST /bookings/messages`: with an id a message is marked as read, without one it is sent."""
    return [_write_one(state, account, item) for item in items]


def mark(state: State, account: Account, query: Query, changes: Any) -> Json:
    """`PATCH /bookings/messages`: mark a selection; without one it is refused, lest it be all of them."""
    if not isinstance(changes, dict) or not isinstance(changes.get("read"), bool):
        raise ApiError(400, 400, "read has to be true or false")
    if not any(query.getlist(name) for name in ("messageId", "propertyId", "roomId", "bookingId", "masterId")):
        raise ApiError(400, 400, "A selection is required")
    for message in _chosen(state, account, query, "messageId"):
        state.messages[message["id"]]["read"] = changes["read"]
    return {"success": True}


def of_booking(state: State, booking_id: int) -> list[Json]:
    """The messages of a booking, as a listing shows them."""
    return [_shown(state, message) for message in state.messages.values() if message["bookingId"] == booking_id]


def add(state: State, booking: Json, **values: Any) -> Json:
    """Keep a message."""
    message = {
        "id": next(state.message_ids),
        "bookingId": booking["id"],
        "time": utc_now(),
        "read": False,
        "message": "",
        "attachment": None,
        "attachmentName": None,
        "attachmentMimeType": None,
        "source": "host",
        "authorOwnerId": None,
        **values,
    }
    state.messages[message["id"]] = message
    return message


def _write_one(state: State, account: Account, item: Any) -> Json:
    if not isinstance(item, dict):
        return refused(NEW, "", "item is not an object")
    if "id" in item:
        return _mark_one(state, account, item)
    number = item.get("bookingId")
    booking = state.bookings.get(number) if isinstance(number, int) else None
    if booking is None or booking["roomId"] not in state.owned_rooms(account):
        return refused(NEW, "bookingId", "booking not found")
    wrong = _wrong_field(item)
    if wrong:
        return refused(NEW, wrong, "invalid")
    values = {name: item[name] for name in TAKEN if name in item and name not in ("id", "bookingId")}
    made = add(state, booking, authorOwnerId=account.owner_id, **values)
    return {"success": True, "new": {"id": made["id"]}} | _warnings(item, NEW)


def _mark_one(state: State, account: Account, item: Json) -> Json:
    message = state.messages.get(item["id"]) if isinstance(item["id"], int) else None
    if message is None or state.bookings[message["bookingId"]]["roomId"] not in state.owned_rooms(account):
        return refused(MODIFY, "id", "message not found")
    if not isinstance(item.get("read"), bool):
        return refused(MODIFY, "read", "invalid")
    message["read"] = item["read"]
    return {"success": True, "modified": {"id": message["id"], "read": message["read"]}} | _warnings(item, MODIFY)


def _wrong_field(item: Json) -> str | None:
    if not isinstance(item.get("message"), str) or not item["message"]:
        return "message"
    if item.get("source", "host") not in WRITTEN_SOURCES:
        return "source"
    if not isinstance(item.get("read", False), bool):
        return "read"
    attachment = item.get("attachment")
    if attachment is None:
        return None
    if not _is_base64(attachment):
        return "attachment"
    if not isinstance(item.get("attachmentName"), str) or not item["attachmentName"]:
        return "attachmentName"
    return None if item.get("attachmentMimeType") in ATTACHMENT_TYPES else "attachmentMimeType"


def _is_base64(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(base64.b64decode(value, validate=True))
    except binascii.Error:
        return False


def _warnings(item: Json, action: str) -> Json:
    unknown = [name for name in item if name not in TAKEN]
    warnings = [{"action": action, "field": name, "message": "unknown field"} for name in unknown]
    return {"warnings": warnings} if warnings else {}


def _chosen(state: State, account: Account, query: Query, number: str) -> list[Json]:
    """The messages of an account that a query is about."""
    rooms = state.owned_rooms(account)
    wanted = {
        "id": ids(query, number),
        "propertyId": ids(query, "propertyId"),
        "roomId": ids(query, "roomId"),
        "bookingId": ids(query, "bookingId"),
    }
    masters = ids(query, "masterId")
    found = []
    for message in state.messages.values():
        booking, shown = state.bookings[message["bookingId"]], _shown(state, message)
        if (
            booking["roomId"] in rooms
            and all(not numbers or shown[name] in numbers for name, numbers in wanted.items())
            and (not masters or booking["masterId"] in masters)
        ):
            found.append(shown)
    return found


def _shown(state: State, message: Json) -> Json:
    """A message with the room in which its booking is now."""
    booking = state.bookings[message["bookingId"]]
    return {**message, "propertyId": booking["propertyId"], "roomId": booking["roomId"]}


def _oldest(query: Query) -> str | None:
    age = query.get("maxAge")
    if age is None:
        return None
    if not age.isascii() or not age.isdecimal() or not 1 <= int(age) <= OLDEST_DAYS:
        raise ApiError(400, 400, f"Parameter maxAge is invalid. Expected: 1 to {OLDEST_DAYS}")
    return (datetime.now(UTC) - timedelta(days=int(age))).strftime("%Y-%m-%dT%H:%M:%SZ")
