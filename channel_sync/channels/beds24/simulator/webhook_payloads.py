"""What a webhook says of a booking or a room, by the settings of the property."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from channel_sync.channels.beds24.simulator.booking_fields import AMOUNTS, PERSONAL
from channel_sync.channels.beds24.simulator.bookings import group_of, without_items
from channel_sync.channels.beds24.simulator.deliveries import Delivery
from channel_sync.channels.beds24.simulator.messages import of_booking as of_messages
from channel_sync.channels.beds24.simulator.state import Json, Property, State, utc_now
from channel_sync.channels.beds24.simulator.webhook_settings import Form, Version, WebhookSettings

# What `twoNoPersonalData` leaves out: absent, not empty.
LEFT_OUT = (*PERSONAL, *AMOUNTS)


class Change(StrEnum):
    """What happened to a booking; only version `one` says it."""

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


@dataclass(frozen=True)
class Story:
    """A booking with what a webhook holds beside it."""

    booking: Json
    group: Json | None
    messages: list[Json]


def story_of(state: State, booking: Json) -> Story:
    """All that there is to tell of a booking now."""
    return Story(booking, group_of(state, booking), of_messages(state, booking["id"]))


def of_booking(owner: Property, story: Story, change: Change) -> list[Delivery]:
    """A delivery to each address of the property."""
    settings, booking = owner.webhook, story.booking
    if settings.version is Version.ONE:
        card = _card(settings, booking)
        payload = {"bookid": booking["id"], "status": str(change), **card}
        return _to_each_address(settings, settings.version, payload, Form.FIELDS if card else Form.QUERY)
    shown = {**without_items(booking), "bookingGroup": story.group}
    payload = {
        "timeStamp": utc_now(),
        "booking": shown,
        "infoItems": booking["infoItems"],
        "invoiceItems": booking["invoiceItems"],
        "messages": story.messages,
        "retries": 0,
    }
    if settings.version is Version.TWO_NO_PERSONAL_DATA:
        payload["booking"] = {name: value for name, value in shown.items() if name not in LEFT_OUT}
        payload |= {"infoItems": [], "invoiceItems": [], "messages": []}
    else:
        payload |= _card(settings, booking)
    return _to_each_address(settings, settings.version, payload, settings.form)


def of_inventory(owner: Property, room_id: int) -> list[Delivery]:
    """The inventory webhook of a room; it is the same in every version."""
    payload = {
        "roomId": str(room_id),
        "propId": str(owner.id),
        "ownerId": str(owner.owner_id),
        "action": "SYNC_ROOM",
    }
    return _to_each_address(owner.webhook, "inventory", payload, owner.webhook.form)


def _card(settings: WebhookSettings, booking: Json) -> Json:
    """Card data under names that are documented nowhere: nobody may depend on them."""
    wanted = settings.additional_data
    return {
        **({"cvc": "123"} if wanted.has_cvc else {}),
        **({"token": f"tok_{booking['id']}"} if wanted.has_token else {}),
    }


def _to_each_address(settings: WebhookSettings, kind: str, payload: Json, form: Form) -> list[Delivery]:
    return [Delivery(str(kind), url, payload, form, settings.headers, settings.signing_secret) for url in settings.urls]
