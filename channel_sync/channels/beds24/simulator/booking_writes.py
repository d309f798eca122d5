"""What `POST` and `DELETE /bookings` do, item by item, and what a change of a booking means for its room."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from channel_sync.channels.beds24.simulator.answers import refused
from channel_sync.channels.beds24.simulator.booking_actions import actions_of, wrong_action
from channel_sync.channels.beds24.simulator.booking_fields import (
    BLANK,
    STATUSES,
    WRITABLE,
    is_day,
    refusal_of,
    warnings_about,
)
from channel_sync.channels.beds24.simulator.booking_items import changed_items
from channel_sync.channels.beds24.simulator.info_items import INFO_ITEM
from channel_sync.channels.beds24.simulator.invoice_items import INVOICE_ITEM, after_actions
from channel_sync.channels.beds24.simulator.scopes import withheld
from channel_sync.channels.beds24.simulator.state import TAKES_A_ROOM, Account, Json, Room, State, nights_of, utc_now

WEBHOOK_FIELDS = ("status", "arrival", "departure", "roomId", "unitId", "roomQty")

# Called with a booking before and after; before it was made there is none.
Changed = Callable[[Json | None, Json], None]


def write(state: State, account: Account, items: list[Any], changed: Changed) -> list[Json]:
    """`POST /bookings`: each item is judged by itself."""
    answers = [_write_one(state, account, item, changed) for item in items]
    _make_group(state, items, answers)
    return answers


def delete(state: State, account: Account, ids: list[int]) -> list[Json]:
    """`DELETE /bookings?id=…`."""
    answers = []
    for booking_id in ids:
        booking = state.bookings.get(booking_id)
        if booking is None or booking["roomId"] not in state.owned_rooms(account):
            answers.append(refused("delete booking", "id", "booking not found"))
            continue
        state.forget_booking(booking_id)
        answers.append({"success": True, "info": [_info("delete booking", booking_id, "deleted booking")]})
    return answers


def save(state: State, booking: Json, changes: Json) -> Json:
    """Apply changes to a booking, keep `numAvail` and the times right, and return what is stored."""
    old_room = state.rooms.get(booking.get("roomId", 0))
    if old_room is not None and booking.get("id") in state.bookings:
        old_room.take(booking, +1)
    stored = {**booking, **changes, "modifiedTime": utc_now()}
    room = state.rooms[stored["roomId"]]
    stored["propertyId"] = room.property_id
    if "unitId" not in changes and (not stored["unitId"] or stored["roomId"] != booking["roomId"]):
        stored["unitId"] = _free_unit(state, room, stored)
    room.take(stored, -1)
    state.bookings[stored["id"]] = stored
    return stored


def new_booking(state: State) -> Json:
    """An empty booking with an id."""
    made = {**BLANK, "allowCancellation": {"type": "propertyDefault"}, "invoiceItems": [], "infoItems": []}
    return {**made, "id": next(state.booking_ids), **dict.fromkeys(("bookingTime", "modifiedTime"), utc_now())}


def problem_of(booking: Json, rooms: dict[int, Room]) -> tuple[str, str] | None:
    """What is wrong with a booking: field and message."""
    for name in ("roomId", "arrival", "departure"):
        if not booking.get(name):
            return name, "is required"
    if not str(booking["roomId"]).isdecimal() or int(booking["roomId"]) not in rooms:
        return "roomId", "room not found"
    for name in ("arrival", "departure"):
        if not is_day(booking[name]):
            return name, "invalid"
    if booking["departure"] <= booking["arrival"]:
        return "departure", "has to be after arrival"
    if booking["status"] not in STATUSES:
        return "status", "is not a status"
    if not isinstance(booking["roomQty"], int) or booking["roomQty"] < 1:
        return "roomQty", "has to be at least 1"
    return None


def _write_one(state: State, account: Account, item: Any, changed: Changed) -> Json:
    action = "modify booking" if isinstance(item, dict) and item.get("id") else "new booking"
    if not isinstance(item, dict):
        return refused(action, "", "item is not an object")
    rooms = state.owned_rooms(account)
    known = state.bookings.get(int(item["id"])) if str(item.get("id", "")).isdecimal() else None
    if item.get("id") and (known is None or known["roomId"] not in rooms):
        return refused(action, "id", "booking not found")
    booking = known or new_booking(state)
    forbidden = withheld(account, "write")
    changes = {name: item[name] for name in WRITABLE & set(item) - forbidden if (name, item[name]) != ("email", "")}
    problem = refusal_of(changes) or problem_of({**booking, **changes}, rooms)
    if problem is None and not _may_lead(state, rooms, changes.get("masterId")):
        problem = "masterId", "booking not found"
    if problem is None and (wrong := wrong_action(item)):
        problem = wrong, "invalid"
    if problem:
        return refused(action, *problem)
    changes["roomId"] = int({**booking, **changes}["roomId"])
    actions = actions_of(item)
    room = rooms[changes["roomId"]]
    if known is None and actions.get("checkAvailability") and _is_full(room, {**booking, **changes}):
        return refused(action, "roomId", "no availability")
    items, errors = _changed_items(state, {**booking, **changes}, item, forbidden, is_new=known is None)
    stored = save(state, booking, {**changes, **items})
    if actions.get("allowWebhooks") and any(stored.get(name) != booking.get(name) for name in WEBHOOK_FIELDS):
        changed(known, stored)
    # An info item that is refused leaves the booking written, and `success` false.
    answer: Json = {"success": not errors}
    if known is None:
        answer |= {"new": {"id": stored["id"]}, "info": [_info(action, stored["id"], "added new booking")]}
    else:
        answer["modified"] = {"id": stored["id"], **changes}
    warnings = warnings_about(item, action, forbidden)
    return {**answer, **({"errors": errors} if errors else {}), **({"warnings": warnings} if warnings else {})}


def _changed_items(
    state: State, booking: Json, item: Json, forbidden: Collection[str], *, is_new: bool
) -> tuple[Json, list[Json]]:
    """The info items and invoice items of a booking after a POST, and what of them is refused."""
    notes, errors = changed_items(INFO_ITEM, booking, booking["infoItems"], item.get("infoItems") or [])
    lines = booking["invoiceItems"]
    if "invoiceItems" not in forbidden:
        lines, refused_lines = changed_items(INVOICE_ITEM, booking, lines, item.get("invoiceItems") or [])
        errors += refused_lines
        lines = after_actions(state, booking, lines, actions_of(item), is_new=is_new)
    return {"infoItems": notes, "invoiceItems": lines}, errors


def _may_lead(state: State, rooms: Collection[int], booking_id: int | None) -> bool:
    """Whether a group can be led by a booking: it has to be one of the account; null is no group."""
    return booking_id is None or state.bookings.get(booking_id, {}).get("roomId") in rooms


def _make_group(state: State, items: list[Any], answers: list[Json]) -> None:
    """New bookings with the action `makeGroup` become one group, whose master is the first of them."""
    made = [
        answer["new"]["id"]
        for item, answer in zip(items, answers, strict=True)
        if "new" in answer and actions_of(item).get("makeGroup")
    ]
    for booking_id in made:
        state.bookings[booking_id]["masterId"] = made[0]


def _info(action: str, booking_id: int, message: str) -> Json:
    return {"action": action, "id": booking_id, "message": message}


def _is_full(room: Room, booking: Json) -> bool:
    return any(room.available(night) < booking["roomQty"] for night in nights_of(booking))


def _free_unit(state: State, room: Room, booking: Json) -> int:
    """The first unit of the room that no other booking has in these nights; 0 where there is none."""
    taken = {
        other["unitId"]
        for other in state.bookings.values()
        if other["roomId"] == room.id
        and other["id"] != booking["id"]
        and other["status"] in TAKES_A_ROOM
        and other["arrival"] < booking["departure"]
        and booking["arrival"] < other["departure"]
    }
    return next((unit for unit in range(1, room.qty + 1) if unit not in taken), 0)
