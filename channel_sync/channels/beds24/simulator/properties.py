"""`/properties` of the simulator: properties with their rooms, and the settings of their webhooks."""

from __future__ import annotations

from typing import Any

from channel_sync.channels.beds24.simulator.answers import refused
from channel_sync.channels.beds24.simulator.queries import Query, ids, is_true
from channel_sync.channels.beds24.simulator.state import Account, Json, Property, Room, State
from channel_sync.channels.beds24.simulator.webhook_settings import FIELDS, invalid_fields

MODIFY = "modify property"
TAKEN = ("id", "name", "webhooks")
ROOM_DEFAULTS = {"minStay": 1, "maxStay": 364, "restrictionStrategy": "stayThrough"}


def find(state: State, account: Account, query: Query) -> list[Json]:
    """`GET /properties`; rooms are listed with `includeAllRooms`, or one by one with `roomId`."""
    wanted, wanted_rooms = ids(query, "id"), ids(query, "roomId")
    rooms = [room for room in state.owned_rooms(account).values() if not wanted_rooms or room.id in wanted_rooms]
    homes = {room.property_id for room in rooms}
    found = [
        _shown(owned)
        for owned in state.properties.values()
        if owned.owner_id == account.owner_id
        and (not wanted or owned.id in wanted)
        and (not wanted_rooms or owned.id in homes)
    ]
    if is_true(query, "includeAllRooms") or wanted_rooms:
        for shown in found:
            shown["roomTypes"] = [
                _shown_room(room) | (_price_rules(room) if is_true(query, "includePriceRules") else {})
                for room in rooms
                if room.property_id == shown["id"]
            ]
    return found


def write(state: State, account: Account, items: list[Any]) -> list[Json]:
    """`POST /properties`: the name and the webhooks of properties that exist; the simulator makes none."""
    return [_write_one(state, account, item) for item in items]


def _write_one(state: State, account: Account, item: Any) -> Json:
    if not isinstance(item, dict):
        return refused(MODIFY, "", "item is not an object")
    number = item.get("id")
    owned = state.properties.get(number) if isinstance(number, int) else None
    if owned is None or owned.owner_id != account.owner_id:
        return refused(MODIFY, "id", "property not found")
    webhooks = item.get("webhooks", {})
    invalid = _invalid(item)
    if invalid:
        # As measured: a value that is none of an enumeration is refused by a warning alone, under a 201.
        return {"success": False, "warnings": [{"field": name, "message": "Invalid"} for name in invalid]}
    owned.name = item.get("name", owned.name)
    owned.webhook = owned.webhook.changed({name: value for name, value in webhooks.items() if name in FIELDS})
    answer: Json = {"success": True, "modified": _modified(item)}
    unknown = [name for name in item if name not in TAKEN] + [
        f"webhooks_{name}" for name in webhooks if name not in FIELDS
    ]
    if unknown:
        answer["warnings"] = [{"action": MODIFY, "field": name, "message": "unknown field"} for name in unknown]
    return answer


def _invalid(item: Json) -> list[str]:
    found = [] if isinstance(item.get("name", ""), str) else ["name"]
    webhooks = item.get("webhooks", {})
    if not isinstance(webhooks, dict):
        return [*found, "webhooks"]
    return found + [f"webhooks_{name}" for name in invalid_fields(webhooks)]


def _modified(item: Json) -> Json:
    modified: Json = {name: item[name] for name in ("id", "name") if name in item}
    webhooks = {name: value for name, value in item.get("webhooks", {}).items() if name in FIELDS}
    return {**modified, **({"webhooks": webhooks} if webhooks else {})}


def _shown(found: Property) -> Json:
    return {
        "id": found.id,
        "name": found.name,
        "propertyType": "hotel",
        "currency": found.currency,
        "webhooks": found.webhook.shown(),
    }


def _shown_room(room: Room) -> Json:
    return {
        "id": room.id,
        "propertyId": room.property_id,
        "name": room.name,
        "qty": room.qty,
        **ROOM_DEFAULTS,
        "units": [{"id": unit, "name": str(unit)} for unit in range(1, room.qty + 1)],
    }


def _price_rules(room: Room) -> Json:
    return {"priceRules": [{"id": slot, "name": name} for slot, name in sorted(room.price_names.items())]}
