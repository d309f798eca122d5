"""What a POST does to the items of a booking: added without an id, changed with one, deleted with nothing but one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from channel_sync.channels.beds24.simulator.state import Json


@dataclass(frozen=True)
class ItemKind:
    """One kind of items, such as `info item`; `wrong_field` names a field that cannot be written."""

    name: str
    wrong_field: Callable[[Json], str | None]
    wrong_when_new: Callable[[Json], str | None]
    make: Callable[[Json, Json], Json]
    change: Callable[[Json, Json], Json]


def changed_items(kind: ItemKind, booking: Json, present: list[Json], wanted: Any) -> tuple[list[Json], list[Json]]:
    """The items that a booking has after a POST, and an error for each that is refused."""
    found = {item["id"]: item for item in present}
    errors = []
    for item in wanted if isinstance(wanted, list) else [wanted]:
        action = f"modify {kind.name}" if isinstance(item, dict) and "id" in item else f"new {kind.name}"
        if not isinstance(item, dict):
            errors.append(_error(action, kind.name, "invalid"))
        elif "id" in item and not _is_known(item["id"], found):
            errors.append(_error(action, "id", f"{kind.name} not found"))
        elif set(item) == {"id"}:
            del found[item["id"]]
        elif wrong := kind.wrong_field(item) or ("id" not in item and kind.wrong_when_new(item)):
            errors.append(_error(action, wrong, "invalid"))
        elif "id" in item:
            found[item["id"]] = kind.change(found[item["id"]], item)
        else:
            made = kind.make(booking, item)
            found[made["id"]] = made
    return list(found.values()), errors


def _is_known(number: Any, found: dict[int, Json]) -> bool:
    return isinstance(number, int) and number in found


def _error(action: str, field: str, message: str) -> Json:
    return {"action": action, "field": field, "message": message}
