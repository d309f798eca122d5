"""The `actions` of an item of `POST /bookings`."""

from __future__ import annotations

from typing import Any

from channel_sync.channels.beds24.simulator.state import Json

FLAGS = (
    "notifyGuest", "notifyHost", "assignBooking", "checkAvailability", "makeGroup", "assignInvoiceNumber",
    "autoInvoiceItemCharge", "deleteInvoice", "allowWebhooks",
)  # fmt: skip
NUMBERS = ("assignInvoiceNumberInvoicee",)


def actions_of(item: Any) -> Json:
    """The actions of an item; none where they are no object."""
    found = item.get("actions") if isinstance(item, dict) else None
    return found if isinstance(found, dict) else {}


def wrong_action(item: Json) -> str | None:
    """The first action whose value cannot be taken."""
    if not isinstance(item.get("actions", {}), dict):
        return "actions"
    for name, value in actions_of(item).items():
        kind = bool if name in FLAGS else int
        if name in (*FLAGS, *NUMBERS) and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            return f"actions_{name}"
    return None


def unknown_actions(item: Json) -> list[str]:
    """The actions that there are not; they are dropped."""
    return [f"actions_{name}" for name in actions_of(item) if name not in (*FLAGS, *NUMBERS)]
