"""`/inventory` of the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from channel_sync.channels.beds24.simulator.answers import ApiError, refused
from channel_sync.channels.beds24.simulator.booking_fields import is_day
from channel_sync.channels.beds24.simulator.channel_limits import with_limits, wrong_limit
from channel_sync.channels.beds24.simulator.queries import Query, day, ids, is_true
from channel_sync.channels.beds24.simulator.state import (
    PRICES,
    TAKES_A_ROOM,
    Account,
    Json,
    Room,
    State,
    nights_of,
)
from channel_sync.channels.ranges import nights

OVERRIDES = ("none", "blackout", "exception", "noCheckIn", "noCheckOut", "noCheckInOrCheckOut")
INCLUDES = {
    "includeMinStay": ("minStay",),
    "includeMaxStay": ("maxStay",),
    "includeOverride": ("override",),
    "includeMultiplier": ("multiplier",),
    "includePrices": PRICES,
    "includeChannels": ("channels",),
}
MOST = 99_999_999.99
LIMITS: dict[str, tuple[Any, float, float]] = {
    "numAvail": (int, -1_000_000, 1_000_000),
    "minStay": (int, 1, 365),
    "maxStay": (int, 1, 364),
    "multiplier": (int | float, 0.1, 100),
    **dict.fromkeys(PRICES, (int | float, 0, MOST)),
}
MODIFY = "modify calendar"
DEFAULTS = {"minStay": 1, "maxStay": 364, "override": "none", "multiplier": 1}
KNOWN = {"from", "to", "numAvail", "minStay", "maxStay", "override", "multiplier", "channels", *PRICES}
SETTABLE = ("minStay", "maxStay", "override", "multiplier", *PRICES)


def calendar(state: State, account: Account, query: Query) -> list[Json]:
    """`GET /inventory/rooms/calendar`: equal neighbouring days come as one range; none without an include flag."""
    first, last = _window(query)
    shown = [name for flag, names in INCLUDES.items() if is_true(query, flag) for name in names]
    with_units = is_true(query, "includeNumAvail")
    return [
        {
            "roomId": room.id,
            "propertyId": room.property_id,
            "name": room.name,
            "calendar": list(_ranges(room, first, last, shown, with_units)) if shown or with_units else [],
        }
        for room in _chosen(state, account, query)
    ]


def availability(state: State, account: Account, query: Query) -> list[Json]:
    """`GET /inventory/rooms/availability`: true where a unit can be sold."""
    first, last = _window(query)
    return [
        {
            "roomId": room.id,
            "propertyId": room.property_id,
            "name": room.name,
            "availability": {str(night): _is_sellable(room, night) for night in nights(first, last)},
        }
        for room in _chosen(state, account, query)
    ]


def offers(state: State, account: Account, query: Query) -> list[Json]:
    """`GET /inventory/rooms/offers`: rooms that can be booked for the whole stay."""
    if not ids(query, "numAdults"):
        raise ApiError(400, 400, "Parameter numAdults is required")
    first, departure = _window(query, "arrival", "departure")
    stay = list(nights(first, departure - timedelta(days=1)))
    return [
        {
            "roomId": room.id,
            "propertyId": room.property_id,
            "offers": [
                {
                    "offerId": 1,
                    "offerName": "Offer 1",
                    "price": sum(room.price(night) or 0 for night in stay),
                    "unitsAvailable": min(room.on_sale(night) for night in stay),
                }
            ],
        }
        for room in _chosen(state, account, query)
        if stay and all(_is_sellable(room, night) for night in stay)
    ]


def write_calendar(state: State, account: Account, items: list[Any]) -> list[Json]:
    """`POST /inventory/rooms/calendar`; `to` is included, null deletes a value."""
    rooms = state.owned_rooms(account)
    answers = []
    for item in items:
        room = rooms.get(item.get("roomId", 0)) if isinstance(item, dict) else None
        if room is None:
            answers.append(refused(MODIFY, "roomId", "room not found"))
            continue
        entries = item.get("calendar")
        if not isinstance(entries, list):
            answers.append(refused(MODIFY, "calendar", "has to be an array"))
            continue
        problem = next((found for entry in entries if (found := _problem(entry))), None)
        if problem:
            answers.append(refused(MODIFY, *problem))
            continue
        for entry in entries:
            _set(state, room, entry)
        answers.append({"success": True, "modified": {"roomId": room.id}} | _warnings(entries))
    return answers


def _set(state: State, room: Room, entry: Json) -> None:
    values = {name: entry[name] for name in SETTABLE if name in entry}
    for night in nights(date.fromisoformat(entry["from"]), date.fromisoformat(entry["to"])):
        if entry.get("numAvail") is not None:
            room.num_avail[night] = entry["numAvail"]
        elif "numAvail" in entry or (
            # As documented: opened again without a number, a night has all rooms that are not booked.
            values.get("override") == "none" and room.days[night].get("override") == "blackout"
        ):
            room.num_avail[night] = room.qty - _booked(state, room, night)
        kept = room.days[night] | values
        if "channels" in entry:
            kept["channels"] = with_limits(kept.get("channels"), entry["channels"])
        room.days[night] = {name: value for name, value in kept.items() if value is not None}


def _warnings(entries: list[Json]) -> Json:
    """What is dropped, and said to be."""
    unknown = sorted({name for entry in entries for name in entry if name not in KNOWN})
    warnings = [{"action": MODIFY, "field": name, "message": "unknown field"} for name in unknown]
    return {"warnings": warnings} if warnings else {}


def _booked(state: State, room: Room, night: date) -> int:
    return sum(
        int(booking["roomQty"])
        for booking in state.bookings.values()
        if booking["roomId"] == room.id and booking["status"] in TAKES_A_ROOM and night in nights_of(booking)
    )


def _problem(entry: Any) -> tuple[str, str] | None:
    """The first field that is wrong, and why."""
    if not isinstance(entry, dict):
        return "calendar", "is not an object"
    for name in ("from", "to"):
        if not is_day(entry.get(name)):
            return name, "invalid"
    if entry["to"] < entry["from"]:
        return "to", "is before from"
    for name, value in entry.items():
        if value is None and name in (*SETTABLE, "numAvail"):
            continue
        if name == "override" and value not in OVERRIDES:
            return name, "is not an override"
        if name == "channels" and (wrong := wrong_limit(value)):
            return wrong, "invalid"
        if name in LIMITS and not _is_within(value, *LIMITS[name]):
            return name, "has to be from {1} to {2}".format(*LIMITS[name])
    return None


def _is_within(value: Any, kind: Any, least: float, most: float) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool) and least <= value <= most


def _ranges(room: Room, first: date, last: date, shown: list[str], with_units: bool) -> Iterator[Json]:
    current: Json | None = None
    for night in nights(first, last):
        values: Json = {"numAvail": room.on_sale(night)} if with_units else {}
        known = {**DEFAULTS, **room.days.get(night, {})}
        values |= {name: known[name] for name in shown if name in known}
        if current is not None and {k: v for k, v in current.items() if k not in ("from", "to")} == values:
            current["to"] = str(night)
            continue
        if current is not None:
            yield current
        current = {"from": str(night), "to": str(night), **values}
    if current is not None:
        yield current


def _is_sellable(room: Room, night: date) -> bool:
    return room.on_sale(night) > 0 and room.days.get(night, {}).get("override") != "blackout"


def _chosen(state: State, account: Account, query: Query) -> list[Room]:
    rooms, owned_by = ids(query, "roomId"), ids(query, "propertyId")
    return [
        room
        for room in state.owned_rooms(account).values()
        if (not rooms or room.id in rooms) and (not owned_by or room.property_id in owned_by)
    ]


def _window(query: Query, first: str = "startDate", last: str = "endDate") -> tuple[date, date]:
    return (
        date.fromisoformat(day(query, first, required=True) or ""),
        date.fromisoformat(day(query, last, required=True) or ""),
    )
