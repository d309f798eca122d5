"""Our own writes come back as webhooks and in pulls: late, and perhaps before their answer or after another change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from channel_sync.channels.canonical import Booking, BookingPush
from channel_sync.merge.agreement import OVER, fields_of, note_sent
from channel_sync.merge.fields import Field, values_of
from channel_sync.models import (
    OPEN_STATUSES,
    PMS_SOURCE,
    ChannelEvent,
    ChannelProperty,
    EntityType,
    EventStatus,
    EventType,
    ReservationLink,
)

# Webhooks are repeated for about half an hour: one that comes within it may show what was there before our last write.
LATE_WEBHOOKS = timedelta(minutes=45)


def note_what_shows(channel_property: ChannelProperty, link: ReservationLink, booking: Booking) -> None:
    """What was sent and shows at the channel is agreed on, although its answer has not come. The link is not saved.

    A booking that has no link yet, and carries our key, was made as it was sent.
    """
    if link.reservation_id is None:
        return
    is_new = link._state.adding
    unanswered = _sent(channel_property, link.reservation_id)
    if not is_new:
        # Not what has ended: of an attempt of long ago that failed, the channel knows nothing.
        unanswered = unanswered.filter(status__in=OPEN_STATUSES)
    shown = values_of(booking)
    for sent in unanswered.order_by("received_at").values_list("normalized_payload", flat=True):
        only = (sent or {}).pop("only", None)
        (sent or {}).pop(OVER, None)
        push = BookingPush.model_validate(sent)
        values, fields = values_of(push), fields_of(only)
        note_sent(link, push, [one for one in fields or Field if is_new or shown.get(one) == values[one]])


def sent_lately(channel_property: ChannelProperty, link: ReservationLink) -> list[dict[str, Any]]:
    """What was sent of the reservation lately, or is on its way, the latest first."""
    if link.reservation_id is None:
        return []
    found = _sent(channel_property, link.reservation_id).filter(_lately())
    return [sent or {} for sent in found.order_by("-received_at").values_list("normalized_payload", flat=True)]


def was_sent_lately(channel_property: ChannelProperty, link: ReservationLink) -> bool:
    """Whether a change of the PMS is on its way to the channel, or has reached it lately.

    A state from before it may come still. A cancellation is a change, also of a reservation that the PMS has deleted.
    """
    mine = Q(entity_external_id=link.external_id)
    if link.reservation_id is not None:
        mine |= Q(entity_internal_id=link.reservation_id)
    return _of_pms(channel_property).filter(mine, _lately(), normalized_payload__isnull=False).exists()


def cancellation_waits(channel_property: ChannelProperty, external_id: str) -> bool:
    """Whether the cancellation of a booking is still to be sent."""
    waiting = _of_pms(channel_property).filter(entity_external_id=external_id, status__in=OPEN_STATUSES)
    return waiting.filter(event_type=EventType.BOOKING_CANCEL).exists()


def create_is_unanswered(channel_property: ChannelProperty) -> bool:
    """Whether a new booking of the PMS may be at the channel without anybody here knowing its number."""
    unanswered = _of_pms(channel_property).filter(status__in=OPEN_STATUSES, entity_external_id=None)
    return unanswered.filter(normalized_payload__isnull=False).exists()


def waits_to_be_sent(channel_property: ChannelProperty, reservation_id: UUID) -> bool:
    """Whether a change of the reservation is still to be sent, or a person to settle why it was not."""
    unsettled = (*OPEN_STATUSES, EventStatus.FAILED)
    return _events(channel_property, reservation_id).filter(status__in=unsettled).exists()


def _lately() -> Q:
    return Q(status=EventStatus.DONE, processed_at__gt=Now() - LATE_WEBHOOKS) | Q(status__in=OPEN_STATUSES)


def _sent(channel_property: ChannelProperty, reservation_id: UUID) -> QuerySet[ChannelEvent]:
    """Events of which a state was sent; cancellations left out, and what is redacted: it says nothing of the guest."""
    sent = _events(channel_property, reservation_id).filter(normalized_payload__has_key="external_room_id")
    return sent.filter(redacted_at=None)


def _events(channel_property: ChannelProperty, reservation_id: UUID) -> QuerySet[ChannelEvent]:
    return _of_pms(channel_property).filter(entity_internal_id=reservation_id)


def _of_pms(channel_property: ChannelProperty) -> QuerySet[ChannelEvent]:
    return ChannelEvent.objects.filter(
        channel_property=channel_property, source=PMS_SOURCE, entity_type=EntityType.BOOKING
    )
