"""Sales of the desk that wait for their channel for longer than a hold lasts, by property."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from channel_sync.conf import channel_sync_settings
from channel_sync.inventory.hold_policy import BRINGING, stands_until_settled
from channel_sync.models import (
    OPEN_STATUSES,
    PMS_SOURCE,
    AlertKind,
    ChannelEvent,
    ChannelProperty,
    EntityType,
    EventStatus,
    HoldStatus,
    InventoryHold,
)
from channel_sync.monitoring.finding import AT_MOST, Finding

HOLDS_AT_MOST = 1_000
NAMED_AT_MOST = 5


class _Waiting(NamedTuple):
    hold: InventoryHold
    event: ChannelEvent

    @property
    def has_given_up(self) -> bool:
        return self.event.status == EventStatus.FAILED

    def __str__(self) -> str:
        hold = self.hold
        return f"{hold.check_in} to {hold.check_out}, since {hold.created_at:%Y-%m-%d %H:%M %Z}, for {self._reason()}"

    def _reason(self) -> str:
        # The class alone: what a host's code raises may quote a guest.
        error = (self.event.last_error or "").partition(":")[0] or "an error"
        if self.has_given_up:
            return f"somebody to settle event {self.event.id}, which gave up after {error}"
        if self.event.status == EventStatus.PROCESSING:
            return "the worker that has it"
        waits_for = self.event.waiting_for
        return waits_for if self.event.waits_for or not self.event.last_error else f"{waits_for} after {error}"


def hold_findings(*, now: datetime) -> Iterator[Finding]:
    """One finding for the sales of a property that go out by themselves, and one for those that need a person."""
    if not stands_until_settled():
        return
    waiting: dict[tuple[str, bool], list[_Waiting]] = defaultdict(list)
    for found in _waiting(now):
        waiting[str(found.event.channel_property_id), found.has_given_up].append(found)
    for (property_id, has_given_up), sales in list(waiting.items())[:AT_MOST]:
        channel_property = sales[0].event.channel_property
        yield Finding(
            AlertKind.BOOKING_WAITS,
            _message(channel_property, sales, has_given_up=has_given_up),
            subject=f"{property_id}:{'given up' if has_given_up else 'waiting'}",
            channel_property=channel_property,
        )


def _waiting(now: datetime) -> Iterator[_Waiting]:
    """Holds that are older than `hold_ttl`, the oldest first, each with the event that is to bring its booking."""
    since = now - channel_sync_settings().hold_ttl
    old = InventoryHold.objects.filter(status=HoldStatus.ACTIVE, created_at__lte=since).order_by("created_at", "id")
    holds = list(old[:HOLDS_AT_MOST])
    events = ChannelEvent.objects.filter(
        Q(status__in=OPEN_STATUSES) | Q(status=EventStatus.FAILED, event_type__in=BRINGING),
        entity_type=EntityType.BOOKING,
        entity_internal_id__in=[hold.reservation_id for hold in holds],
        source=PMS_SOURCE,
    ).select_related("channel_property")
    by_reservation: dict[object, ChannelEvent] = {}
    for event in events.defer("payload", "normalized_payload").order_by("received_at"):
        known = by_reservation.get(event.entity_internal_id)
        # What is open goes on by itself, whatever gave up beside it.
        if known is None or (known.status == EventStatus.FAILED and event.status != EventStatus.FAILED):
            by_reservation[event.entity_internal_id] = event
    for hold in holds:
        if hold.reservation_id in by_reservation:
            yield _Waiting(hold, by_reservation[hold.reservation_id])


def _message(channel_property: ChannelProperty, sales: Sequence[_Waiting], *, has_given_up: bool) -> str:
    named = "; ".join(str(sale) for sale in sales[:NAMED_AT_MOST])
    more = f"; and {len(sales) - NAMED_AT_MOST} more" if len(sales) > NAMED_AT_MOST else ""
    one = len(sales) == 1
    what = (
        "Correct what the event's page says, then retry the event. Ignore it only when the guest is not coming: the "
        "reservation then fails, and its room is given back."
        if has_given_up
        else "It goes out by itself once that is over: see the channel, its login, credits or pause, and the workers. "
        "If the guest does not want to wait, cancel the reservation at the desk."
    )
    return (
        f"{len(sales)} booking{'' if one else 's'} of the desk {'waits' if one else 'wait'} for {channel_property}: "
        f"{named}{more}. The sale stands, and its room is kept and shown as sold. {what}"
    )
