"""Workers that are not equally fast: only one direction is worked, and no pull shows what is old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from channel_sync.channels.beds24.webhook import listed_booking
from channel_sync.events.idempotency import inbound_key
from channel_sync.events.processing import process
from channel_sync.models import (
    WAITING_STATUSES,
    ChannelAccount,
    ChannelConnection,
    ChannelEvent,
    Direction,
    EventType,
    RateLimitBucket,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import LONG_AGO
from tests.factories import EventFactory


def work_only(direction: Direction, *, rounds: int = 1, **which: Any) -> None:
    """Work what waits in one direction, the oldest first; the other direction's worker is busy elsewhere."""
    for _ in range(rounds):
        waiting = ChannelEvent.objects.filter(status__in=WAITING_STATUSES, direction=direction, **which)
        waiting.update(published_at=LONG_AGO)
        for event_id in list(waiting.order_by("received_at").values_list("id", flat=True)):
            ChannelAccount.objects.update(probe_at=LONG_AGO, credits_remaining=None)
            RateLimitBucket.objects.update(tokens=F("capacity"), updated_at=LONG_AGO)
            process(event_id)


def at_beds24(beds24: RunningSimulator, booking_id: int, *, after: timedelta, **changes: Any) -> dict[str, Any]:
    """A booking that was changed this long after now; with a negative time it is an old one."""
    if changes:
        beds24.controls.change(booking_id, **changes)
    stored = beds24.simulator.state.bookings[booking_id]
    stored["modifiedTime"] = f"{datetime.now(UTC) + after:%Y-%m-%dT%H:%M:%SZ}"
    return stored


def webhook_of(
    hotel: ConnectedHotel, booking: dict[str, Any], event_type: EventType = EventType.BOOKING_CREATED
) -> ChannelEvent:
    """The event of a booking's webhook; a pull of the same state records no second one."""
    shown = {name: value for name, value in booking.items() if name != "infoItems"}
    listed = listed_booking(shown)
    event: ChannelEvent = EventFactory(
        channel_property=hotel.channel_property,
        event_type=event_type,
        entity_external_id=str(booking["id"]),
        idempotency_key=inbound_key(hotel.channel_property.id, listed.dedupe_key),
        occurred_at=listed.occurred_at,
        payload={"booking": shown, "infoItems": booking.get("infoItems", [])},
    )
    return event


def hours_pass(hotel: ConnectedHotel) -> None:
    """The channel was asked for changes a moment ago: the next pull lists nothing older."""
    ChannelConnection.objects.filter(channel_property=hotel.channel_property).update(
        bookings_pulled_at=timezone.now(), created_at=timezone.now()
    )


def refuse(*args: object) -> None:
    """What a host with a fault does with any call."""
    raise ValueError("this host has a fault")
