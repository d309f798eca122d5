"""Stays that have begun or ended belong to the PMS: a person decides what a channel may still change of them.

What the channel has counts as seen, so that nothing asks again; the conflict keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.canonical import Booking, BookingStatus
from channel_sync.conflicts import channel_side
from channel_sync.connections.mapped_rooms import channel_rooms
from channel_sync.events.outbound_events import availability_event
from channel_sync.events.store import record_all
from channel_sync.inbound.begun_stay_conflicts import DELETED, keep_wish
from channel_sync.merge.agreement import has_moved_there, note_seen, ours
from channel_sync.merge.fields import Field, Values, values_of
from channel_sync.merge.phases import differing, has_begun, withhold
from channel_sync.merge.three_way import Clash, Merged
from channel_sync.models import ChannelProperty, ReservationLink
from channel_sync.pms import Reservation, StayPhase, host_pms

CANCELLED: Values = {Field.STATUS: BookingStatus.CANCELLED.value}


def begun_phase(channel_property: ChannelProperty, reservation: Reservation) -> StayPhase | None:
    """The phase of a stay that has begun or ended, by the date at its property; None of any other."""
    if not reservation.takes_room:
        return None
    today = host_pms().property_facts(channel_property.property_id).today()
    return reservation.phase_on(today) if has_begun(reservation, today) else None


def withhold_changes(
    channel_property: ChannelProperty,
    reservation: Reservation,
    phase: StayPhase,
    booking: Booking,
    pms_now: Values,
    moved: Merged,
) -> Merged:
    """What of a merge a begun stay takes; the conflict keeps the rest, and closes when the channel has come back."""
    withheld = withhold(moved)
    keep_wish(
        channel_property,
        reservation,
        phase,
        booking.external_id,
        differs=differing(values_of(booking), pms_now),
        pms_now=pms_now,
        news=withheld.channel,
        replaced=withheld.replaced,
        outline=channel_side(booking),
    )
    if withheld.channel:
        show_what_is_taken(channel_property, reservation)
    return withheld.moved


def withhold_overwritten(
    channel_property: ChannelProperty,
    link: ReservationLink,
    reservation: Reservation,
    said: Booking,
    clashes: Sequence[Clash],
) -> list[Clash]:
    """What of the channel's changes that our own write went over may still be put back here."""
    phase = begun_phase(channel_property, reservation)
    if phase is None:
        return list(clashes)
    withheld = withhold(Merged(clashes=tuple(clashes)))
    if withheld.channel:
        pms_now = {**_pms_now(channel_property, link, reservation), **{clash.field: clash.pms for clash in clashes}}
        keep_wish(
            channel_property,
            reservation,
            phase,
            said.external_id,
            differs={**differing(values_of(said), pms_now), **withheld.channel},
            pms_now=pms_now,
            news=withheld.channel,
            replaced=withheld.replaced,
            outline=channel_side(said),
        )
    return list(withheld.moved.clashes)


def withhold_cancellation(channel_property: ChannelProperty, link: ReservationLink, *, is_deleted: bool) -> bool:
    """Keep a cancellation, of which nothing else can be read, from a stay that has begun; false for any other.

    The caller saves the link.
    """
    reservation = host_pms().reservation(link.reservation_id) if link.reservation_id is not None else None
    phase = begun_phase(channel_property, reservation) if reservation is not None else None
    if reservation is None or phase is None:
        return False
    pms_now = _pms_now(channel_property, link, reservation)
    is_news = has_moved_there(link, Field.STATUS, CANCELLED[Field.STATUS])
    keep_wish(
        channel_property,
        reservation,
        phase,
        link.external_id,
        differs=CANCELLED,
        pms_now=pms_now,
        news=CANCELLED if is_news else (),
        outline={"booking_id": link.external_id, **({DELETED: True} if is_deleted else {})},
    )
    note_seen(link, CANCELLED, pms_now)
    if is_news:
        show_what_is_taken(channel_property, reservation)
    return True


def show_what_is_taken(channel_property: ChannelProperty, reservation: Reservation) -> None:
    """The channel has freed or moved the nights of a guest who keeps the room: it is sent what is free."""
    publish_after_commit(record_all([availability_event(channel_property.id, reservation.nights())]))


def _pms_now(channel_property: ChannelProperty, link: ReservationLink, reservation: Reservation) -> dict[Field, Any]:
    room = channel_rooms(channel_property, [reservation.room_type_id]).get(reservation.room_type_id)
    return ours(channel_property.channel_name, link, reservation, room)
