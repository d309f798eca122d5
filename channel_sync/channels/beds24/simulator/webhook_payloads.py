"""What a webhook says of a booking or a room, by the settings of the property."""

from __future__ import annotations

from enum import StrEnum

from channel_sync.channels.beds24.simulator.booking_fields import AMOUNTS, PERSONAL
from channel_sync.channels.beds24.simulator.bookings import without_items
from channel_sync.channels.beds24.simulator.deliveries import Delivery, Form
from channel_sync.channels.beds24.simulator.state import Json, Property, utc_now
from channel_sync.channels.beds24.simulator.webhook_settings import Version, WebhookSettings

# What `twoNoPersonalData` leaves out: absent, not empty.
LEFT_OUT = (*PERSONAL, *AMOUNTS)


class Change(StrEnum):
    """What happened to a booking; only version `one` tells."""

    NEW = "new"
    MODIFY = "modify"
    CANCEL = "cancel"
    MESSAGE = "message"


def change_between(before: Json | None, after: Json) -> Change:
    """What a booking went through."""
    if before is None:
        return Change.NEW
    is_cancelled = after["status"] == "cancelled" != before["status"]
    return Change.CANCEL if is_cancelled else Change.MODIFY


def of_booking(owner: Property, booking: Json, group: Json | None, change: Change) -> list[Delivery]:
    """A delivery to each address of the property."""
    settings = owner.webhook
    if settings.version is Version.ONE:
        card = _card(settings, booking)
        payload = {"bookid": booking["id"], "status": str(change), **card}
        return _to_each_address(settings, settings.version, payload, Form.FIELDS if card else Form.QUERY)
    shown = {**without_items(booking), "bookingGroup": group}
    payload = {
        "timeStamp": utc_now(),
        "booking": shown,
        "infoItems": booking["infoItems"],
        "invoiceItems": booking["invoiceItems"],
        "messages": [],
        "retries": 0,
    }
    if settings.version is Version.TWO_NO_PERSONAL_DATA:
        payload["booking"] = {name: value for name, value in shown.items() if name not in LEFT_OUT}
        payload |= {"infoItems": [], "invoiceItems": [], "messages": []}
    else:
        payload |= _card(settings, booking)
    return _to_each_address(settings, settings.version, payload)


def of_inventory(owner: Property, room_id: int) -> list[Delivery]:
    """The inventory webhook of a room; it is the same in every version."""
    payload = {
        "roomId": str(room_id),
        "propId": str(owner.id),
        "ownerId": str(owner.owner_id),
        "action": "SYNC_ROOM",
    }
    return _to_each_address(owner.webhook, "inventory", payload)


def _card(settings: WebhookSettings, booking: Json) -> Json:
    """Card data under names that are documented nowhere: nobody may depend on them."""
    wanted = settings.additional_data
    return {
        **({"cvc": "123"} if wanted.has_cvc else {}),
        **({"token": f"tok_{booking['id']}"} if wanted.has_token else {}),
    }


def _to_each_address(settings: WebhookSettings, kind: str, payload: Json, form: Form = Form.OBJECT) -> list[Delivery]:
    return [Delivery(str(kind), url, payload, form, settings.headers, settings.signing_secret) for url in settings.urls]
