"""A group made at the desk goes out as one group, whichever of its bookings goes first and whatever becomes of others.

New bookings of a group that are in one call make the group; one that comes later joins those that are there. Nobody
waits for anybody: a booking that is sold is worth more than its group.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import Booking, BookingStatus
from channel_sync.errors import InvalidPayload, RefusedByChannel
from channel_sync.models import OPEN_STATUSES, ChannelProperty, ReservationLink
from channel_sync.outbound.booking_batch import Planned, lost_creates
from channel_sync.pms import host_pms

logger = logging.getLogger(__name__)


def with_leaders(channel: Channel, planned: Sequence[Planned]) -> list[Planned]:
    """New bookings with their group, and with its leader where the channel has one."""
    groups = {group for one in planned if (group := _new_group(one))}
    if not groups:
        return list(planned)
    channel_property = planned[0].event.channel_property
    members = host_pms().reservations_in_groups(channel_property.property_id, groups)
    leaders = _leaders(channel, members, _booked(channel, channel_property, planned, members))
    return [_in_group(one, leaders) for one in planned]


def one_new_group_each(planned: Sequence[Planned]) -> list[list[Planned]]:
    """The calls to make: a channel makes one group of all in a call that have none yet."""
    calls: dict[str, list[Planned]] = {}
    first = next((group for one in planned if (group := _is_first_of(one))), "")
    for one in planned:
        calls.setdefault(_is_first_of(one) or first, []).append(one)
    return list(calls.values())


def _new_group(one: Planned) -> str:
    """The group of a booking that is new at the channel; blank for any other."""
    is_new = one.write is not None and one.write.push is not None and one.write.external_id is None
    return one.reservation.group if is_new and one.reservation is not None else ""


def _is_first_of(one: Planned) -> str:
    return one.write.group if one.write is not None and one.write.leader is None else ""


def _in_group(one: Planned, leaders: Mapping[str, str]) -> Planned:
    group = _new_group(one)
    if not group or one.write is None:
        return one
    return replace(one, write=replace(one.write, group=group, leader=leaders.get(group)))


def _booked(
    channel: Channel,
    channel_property: ChannelProperty,
    planned: Sequence[Planned],
    members: Mapping[str, Collection[UUID]],
) -> dict[UUID | None, str]:
    """The bookings of members that the channel has: linked ones, and those whose answer was lost."""
    ids = {one for group in members.values() for one in group}
    links = ReservationLink.objects.filter(
        channel_property=channel_property, reservation_id__in=ids, applied_cancelled=False
    )
    booked: dict[UUID | None, str] = dict(links.values_list("reservation_id", "external_id"))
    for one in planned:
        external_id = one.external_id or (one.write.external_id if one.write is not None else None)
        if one.reservation is not None and external_id is not None:
            booked[one.reservation.id] = external_id
    elsewhere = ids - set(booked) - {one.reservation.id for one in planned if one.reservation is not None}
    if elsewhere:
        booked |= lost_creates(channel, channel_property, list(elsewhere), status__in=OPEN_STATUSES)
    return booked


def _leaders(
    channel: Channel, members: Mapping[str, Collection[UUID]], booked: Mapping[UUID | None, str]
) -> dict[str, str]:
    """The booking that leads each group at the channel, as the channel has it now; none where it has no member."""
    ids = {group: [booked[one] for one in ones if one in booked] for group, ones in members.items()}
    asked = {external_id for some in ids.values() for external_id in some}
    standing = _standing(channel, asked) if asked else {}
    leaders = {}
    for group, some in ids.items():
        bookings = [standing[external_id] for external_id in sorted(some, key=_number) if external_id in standing]
        if bookings:
            leaders[group] = next((one.group_id for one in bookings if one.group_id), bookings[0].external_id)
    return leaders


def _standing(channel: Channel, external_ids: Collection[str]) -> dict[str, Booking]:
    """Those of some bookings that the channel still has, and that are not cancelled."""
    standing = {}
    try:
        listed = channel.bookings(external_ids)
    except RefusedByChannel as error:
        # The booking matters more than its group.
        logger.warning("the leaders of groups could not be read, new members go out without one: %s", error)
        return {}
    for external_id, notification in listed.items():
        try:
            booking = channel.parse_booking(notification.payload)
        except InvalidPayload:
            continue
        if booking.status is not BookingStatus.CANCELLED:
            standing[external_id] = booking
    return standing


def _number(external_id: str) -> tuple[int, str]:
    return len(external_id), external_id
