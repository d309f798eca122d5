"""The info items of a booking: added without an id, changed with one, deleted with nothing but one."""

from __future__ import annotations

import itertools
from typing import Any

from channel_sync.channels.beds24.simulator.state import Json, utc_now

_ids = itertools.count(7_000_001)


def changed_info_items(booking: Json, wanted: Any) -> tuple[list[Json], list[Json]]:
    """The info items that a booking has after a POST, and an error for each that is refused."""
    found = {item["id"]: item for item in booking["infoItems"]}
    errors = []
    for item in wanted if isinstance(wanted, list) else [wanted]:
        if not isinstance(item, dict):
            errors.append(_error("new info item", "infoItems", "invalid"))
        elif "id" not in item:
            if _is_text(item.get("code")) and isinstance(item.get("text", ""), str):
                made = _new(booking, item)
                found[made["id"]] = made
            else:
                errors.append(_error("new info item", "code", "invalid"))
        elif item["id"] not in found:
            errors.append(_error("modify info item", "id", "info item not found"))
        elif set(item) == {"id"}:
            del found[item["id"]]
        else:
            found[item["id"]] = found[item["id"]] | {key: item[key] for key in ("code", "text") if key in item}
    return list(found.values()), errors


def _new(booking: Json, item: Json) -> Json:
    return {
        "id": next(_ids),
        "bookingId": booking["id"],
        "createTime": utc_now(),
        "code": item["code"],
        "text": item.get("text", ""),
    }


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _error(action: str, field: str, message: str) -> Json:
    return {"action": action, "field": field, "message": message}
