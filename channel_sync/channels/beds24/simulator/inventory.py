"""`/inventory` and `/properties` of the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from channel_sync.channels.beds24.simulator.answers import ApiError, refused
from channel_sync.channels.beds24.simulator.state import TAKES_A_ROOM, Account, Json, Room, State, nights_of
from channel_sync.channels.ranges import nights

OVERRIDES = ("none", "blackout", "exception", "noCheckIn", "noCheckOut", "noCheckInOrCheckOut")
PRICES = tuple(f"price{slot}" for slot in range(1, 17))
INCLUDES = {
    "includeMinStay": ("minStay",),
    "includeMaxStay": ("maxStay",),
    "includeOverride": ("override",),
    "includeMultiplier": ("multiplier",),
    "includePrices": PRICES,
}
STAYS = {"minStay": 365, "maxStay": 364}
DEFAULTS = {"minStay": 1, "maxStay": 364, "override": "none", "multiplier": 1}
SETTABLE = ("minStay", "maxStay", "override", "multiplier", *PRICES)


def properties(state: State, account: Account, with_rooms: bool) -> list[Json]:
    """`GET /properties`."""
    rooms = state.owned_rooms(account)
    return [
        {
            "id": found.id,
            "name": found.name,
            **(
                {
                    "roomTypes": [
                        {"id": room.id, "name": room.name, "qty": room.qty}
                        for room in rooms.values()
                        if room.property_id == found.id
                    ]
                }
                if with_rooms
                else {}
            ),
        }
        for found in state.properties.values()
        if found.owner_id == account.owner_id
    ]


def calendar(state: State, account: Account, query: MultiDict[str, str]) -> list[Json]:
    """`GET /inventory/rooms/calendar`: equal neighbouring days come as one range."""
    first, last = _window(query)
    shown = [name for flag, names in INCLUDES.items() if query.get(flag) == "true" for name in names]
    with_units = query.get("includeNumAvail") == "true"
    return [
        {
            "roomId": room.id,
            "propertyId": room.property_id,
            "name": room.name,
            "calendar": list(_ranges(room, first, last, shown, with_units)),
        }
        for room in _chosen(state, account, query)
    ]


def availability(state: State, account: Account, query: MultiDict[str, str]) -> list[Json]:
    """`GET /inventory/rooms/availability`: true where a unit can be sold."""
    first, last = _window(query)
    return [
        {
            "roomId": room.id,
            "propertyId": room.property_id,
            "availability": {str(night): _is_sellable(room, night) for night in nights(first, last)},
        }
        for room in _chosen(state, account, query)
    ]


def offers(state: State, account: Account, query: MultiDict[str, str]) -> list[Json]:
    """`GET /inventory/rooms/offers`: rooms that can be booked for the whole stay."""
    first, departure = _window(query, "arrival", "departure")
    stay = list(nights(first, departure - timedelta(days=1)))
    return [
        {
            "roomId": room.id,
            "propertyId": room.property_id,
            "offers": [
                {
                    "offerId": 1,
                    "unitsAvailable": min(room.available(night) for night in stay),
                    "price": sum(room.days.get(night, {}).get("price1", 0) for night in stay),
                }
            ],
        }
        for room in _chosen(state, account, query)
        if stay and all(_is_sellable(room, night) for night in stay)
    ]


def write_calendar(state: State, account: Account, items: Any) -> list[Json]:
    """`POST /inventory/rooms/calendar`; `to` is included."""
    if not isinstance(items, list):
        raise ApiError(400, 400, "The body has to be an array")
    rooms = state.owned_rooms(account)
    answers = []
    for item in items:
        room = rooms.get(item.get("roomId", 0)) if isinstance(item, dict) else None
        if room is None:
            answers.append(refused("modify calendar", "roomId", "room not found"))
            continue
        problem = next((found for entry in item.get("calendar", []) if (found := _problem(entry))), None)
        if problem:
            answers.append(refused("modify calendar", *problem))
            continue
        for entry in item.get("calendar", []):
            _set(state, room, entry)
        answers.append({"success": True, "modified": {"roomId": room.id}})
    return answers


def _set(state: State, room: Room, entry: Json) -> None:
    values = {name: entry[name] for name in SETTABLE if name in entry}
    for night in nights(date.fromisoformat(entry["from"]), date.fromisoformat(entry["to"])):
        if "numAvail" in entry:
            room.num_avail[night] = entry["numAvail"]
        elif values.get("override") == "none" and room.days[night].get("override") == "blackout":
            # As documented: opened again without a number, a night has all rooms that are not booked.
            room.num_avail[night] = room.qty - _booked(state, room, night)
        room.days[night].update(values)


def _booked(state: State, room: Room, night: date) -> int:
    return sum(
        int(booking["roomQty"])
        for booking in state.bookings.values()
        if booking["roomId"] == room.id and booking["status"] in TAKES_A_ROOM and night in nights_of(booking)
    )


def _problem(entry: Any) -> tuple[str, str] | None:
    try:
        if date.fromisoformat(entry["to"]) < date.fromisoformat(entry["from"]):
            return "to", "is before from"
    except (TypeError, KeyError, ValueError):
        return "from", "from and to have to be dates"
    if not isinstance(entry.get("numAvail", 0), int):
        return "numAvail", "is not a number"
    if entry.get("override", "none") not in OVERRIDES:
        return "override", "is not an override"
    for name, longest in STAYS.items():
        if not isinstance(entry.get(name, 1), int) or not 1 <= entry.get(name, 1) <= longest:
            return name, f"has to be from 1 to {longest}"
    wrong = [name for name in PRICES if name in entry and not isinstance(entry[name], int | float)]
    return (wrong[0], "is not a number") if wrong else None


def _ranges(room: Room, first: date, last: date, shown: list[str], with_units: bool) -> Iterator[Json]:
    current: Json | None = None
    for night in nights(first, last):
        values: Json = {"numAvail": room.available(night)} if with_units else {}
        day = {**DEFAULTS, **room.days.get(night, {})}
        values |= {name: day[name] for name in shown if name in day}
        if current is not None and {k: v for k, v in current.items() if k not in ("from", "to")} == values:
            current["to"] = str(night)
            continue
        if current is not None:
            yield current
        current = {"from": str(night), "to": str(night), **values}
    if current is not None:
        yield current


def _is_sellable(room: Room, night: date) -> bool:
    return room.available(night) > 0 and room.days.get(night, {}).get("override") != "blackout"


def _chosen(state: State, account: Account, query: MultiDict[str, str]) -> list[Room]:
    rooms = {*query.getlist("roomId"), *query.getlist("roomId[]")}
    owned_by = {*query.getlist("propertyId"), *query.getlist("propertyId[]")}
    return [
        room
        for room in state.owned_rooms(account).values()
        if (not rooms or str(room.id) in rooms) and (not owned_by or str(room.property_id) in owned_by)
    ]


def _window(query: MultiDict[str, str], first: str = "startDate", last: str = "endDate") -> tuple[date, date]:
    try:
        return date.fromisoformat(query[first]), date.fromisoformat(query[last])
    except (KeyError, ValueError):
        raise ApiError(400, 400, f"{first} and {last} have to be dates") from None
