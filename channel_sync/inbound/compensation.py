"""A booking of ours whose room was taken before the channel confirmed it: take it back there, and tell somebody."""

from __future__ import annotations

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.conflicts import flag_conflict, pms_side
from channel_sync.events.outbound_events import booking_event
from channel_sync.events.store import record_all
from channel_sync.inventory.confirmation import Confirmation, confirm_at_channel
from channel_sync.models import ChannelProperty, ConflictKind, EventType, Severity
from channel_sync.pms import Reservation


def confirm_or_take_back(channel_property: ChannelProperty, reservation: Reservation, external_id: str) -> Confirmation:
    """The channel has the booking of a reservation: confirm it, in the caller's transaction.

    When its hold expired and the room was sold meanwhile, the booking is cancelled there and a conflict opened.
    """
    outcome = confirm_at_channel(reservation.id)
    if outcome is Confirmation.ROOM_TAKEN:
        _take_back(channel_property, reservation, external_id)
    return outcome


def _take_back(channel_property: ChannelProperty, reservation: Reservation, external_id: str) -> None:
    flag_conflict(
        channel_property,
        ConflictKind.LATE_CONFIRMATION,
        Severity.HIGH,
        f"booking:{external_id}",
        pms_side=pms_side(reservation),
        channel_side={"booking_id": external_id, "will_be": "cancelled"},
    )
    cancel = booking_event(channel_property.id, EventType.BOOKING_CANCEL, reservation, external_id)
    publish_after_commit(record_all([cancel]))
