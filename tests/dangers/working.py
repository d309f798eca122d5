"""Work the events of a connected hotel, as its workers would."""

from __future__ import annotations

from datetime import date, timedelta

from django.db.models import F

from channel_sync.events.processing import process
from channel_sync.models import (
    OPEN_STATUSES,
    WAITING_STATUSES,
    ChannelAccount,
    ChannelEvent,
    ChannelProperty,
    OldBookings,
    RateLimitBucket,
)
from channel_sync.operations.parity import accept_report, parity_of
from channel_sync.operations.properties import resume
from channel_sync.parity.tasks import check_parity
from tests.conftest import RunningSimulator

LONG_AGO = "2020-01-01T00:00Z"
NIGHT = date.today() + timedelta(days=30)
ROUNDS = 20


def one_round() -> bool:
    """Work everything that waits once, the oldest first; false when nothing waits."""
    ChannelEvent.objects.filter(status__in=WAITING_STATUSES).update(published_at=LONG_AGO)
    ChannelAccount.objects.update(probe_at=LONG_AGO, credits_remaining=None)
    RateLimitBucket.objects.update(tokens=F("capacity"), updated_at=LONG_AGO)
    waiting = list(ChannelEvent.objects.filter(status__in=WAITING_STATUSES).order_by("received_at"))
    for event in waiting:
        process(event.id)
    return bool(waiting)


def work_everything() -> None:
    """Until no event is open."""
    for _ in range(ROUNDS):
        if not one_round():
            return
    left = ChannelEvent.objects.filter(status__in=OPEN_STATUSES)
    raise AssertionError([f"{event} {event.status} {event.last_error}" for event in left])


def resume_and_go_live(channel_property: ChannelProperty) -> None:
    """End a pause, whatever its parity check says: somebody has accepted it."""
    resume(channel_property, by="ada", go_live=OldBookings.LINK_AND_SEND)
    check_parity(str(channel_property.id))


def go_live(channel_property: ChannelProperty) -> None:
    """Accept whatever the parity check of a new mapping says."""
    check_parity(str(channel_property.id))
    if parity_of(channel_property).can_be_accepted:
        accept_report(channel_property, OldBookings.LINK_AND_SEND, by="ada")
        check_parity(str(channel_property.id))


def units_at_beds24(beds24: RunningSimulator, room_id: int = 2001, night: date = NIGHT) -> int:
    """`numAvail` of a night."""
    return beds24.simulator.state.rooms[room_id].available(night)


def stay(nights: int = 2, first: date = NIGHT) -> dict[str, str]:
    """Dates of a booking as Beds24 has them."""
    return {"arrival": str(first), "departure": str(first + timedelta(days=nights))}
