"""A change of an OTA that our own write went over: it came after we had looked, and before we wrote.

A channel knows no write that depends on what is there, so its value is gone. Its webhook still says what it was: a
state that no look has seen, and in a field that we have sent a value that is neither the one before nor ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.booking_details import with_details
from channel_sync.channels.canonical import Booking, BookingPush
from channel_sync.connections.mapped_rooms import room_type_of
from channel_sync.events.outbound_events import booking_event
from channel_sync.events.store import record_all
from channel_sync.inbound.begun_stays import withhold_overwritten
from channel_sync.inbound.clashes import flag_clashes
from channel_sync.inbound.echo import sent_lately, waits_to_be_sent
from channel_sync.merge.agreement import OVER, fields_of, has_as_sent, owners_for, was_seen
from channel_sync.merge.fields import Field, parts_of, values_of
from channel_sync.merge.owners import Side
from channel_sync.merge.three_way import Clash
from channel_sync.models import ChannelProperty, EventType, ReservationLink
from channel_sync.pms import host_pms


def restore_overwritten(channel_property: ChannelProperty, link: ReservationLink, said: Booking) -> None:
    """Flag what was overwritten; what belongs to the channel is put back here, and is sent to it as any change.

    `said` is the state of a webhook. Runs in the transaction that settles it, under the booking's lock.
    """
    reservation = host_pms().reservation(link.reservation_id) if link.reservation_id is not None else None
    if reservation is None or not reservation.takes_room or not said.takes_room:
        return
    found = list(_overwritten(channel_property, link, said))
    clashes = withhold_overwritten(channel_property, link, reservation, said, found) if found else found
    if not clashes:
        return
    flag_clashes(channel_property, reservation, said, clashes)
    back = [clash.field for clash in clashes if clash.winner is Side.CHANNEL]
    if not back:
        return
    entered = reservation.room_type_id
    if Field.ROOM in back:
        entered = room_type_of(channel_property, said.external_room_id)
    host_pms().lock_room_types([reservation.room_type_id, entered])
    # An older state: of what only the channel changes, a later one may have been applied.
    restored = with_details(said.taking(parts_of(back), reservation), ())
    host_pms().modify_reservation(reservation.id, entered, restored)
    if not waits_to_be_sent(channel_property, reservation.id):
        event = booking_event(channel_property.id, EventType.BOOKING_UPDATE, reservation, link.external_id)
        publish_after_commit(record_all([event]))


def _overwritten(channel_property: ChannelProperty, link: ReservationLink, said: Booking) -> Iterator[Clash]:
    values = values_of(said)
    owners = owners_for(channel_property.property_id, link)
    found: set[Field] = set()
    for sent in sent_lately(channel_property, link):
        over: Mapping[str, Any] = sent.pop(OVER, {})
        only = fields_of(sent.pop("only", None))
        if not over or said.modified_at is None or _is_older(said.modified_at, over.get("seen")):
            continue
        ours = values_of(BookingPush.model_validate(sent))
        for one in only or ():
            if one is Field.STATUS or one in found or one not in values or values[one] == ours[one]:
                continue
            if has_as_sent(link, one, ours[one]) and not was_seen(link, one, values[one], over):
                found.add(one)
                yield Clash(one, owners[one], channel=values[one], pms=ours[one])


def _is_older(modified_at: datetime, seen: str | None) -> bool:
    """Whether our look before the write has seen a state of this time."""
    return seen is not None and modified_at < datetime.fromisoformat(seen)
