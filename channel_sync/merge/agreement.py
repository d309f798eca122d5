"""What both sides of a linked booking looked like when they last agreed, and what has moved since."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from channel_sync.channels.canonical import Booking, BookingPush, BookingStatus
from channel_sync.connections.pushable import push_of
from channel_sync.merge.base import Base
from channel_sync.merge.fields import Field, Values, parts_of, values_of
from channel_sync.merge.owners import Owners, owners_of
from channel_sync.merge.three_way import Merged, merge, moved_by_pms
from channel_sync.models import ChannelProperty, ReservationLink
from channel_sync.pms import Reservation

CHANNEL, PMS = SIDES = ("channel", "pms")
# Which room type the PMS's room stands for, and whether the booking was made here.
ROOM_TYPE, MADE_HERE = "room_type", "made_here"
# What a push goes over, as it is kept with what was sent.
OVER = "over"
# What neither side can have: a field that is marked with it has moved.
MOVED = {"moved": True}
# What takes no room at a channel.
NO_ROOM = (BookingStatus.CANCELLED, BookingStatus.INQUIRY)


def ours(
    channel_name: str, link: ReservationLink, reservation: Reservation, external_room_id: str | None
) -> dict[Field, Any]:
    """A reservation as the channel could show it.

    Its room has not moved while its room type is the same, whatever became of the mapping.
    """
    values = values_of(push_of(channel_name, reservation, external_room_id or ""))
    agreed = link.bases.get(PMS, {}).get(Field.ROOM.value)
    if agreed not in (None, MOVED) and link.bases.get(ROOM_TYPE) == str(reservation.room_type_id):
        values[Field.ROOM] = agreed
    return values


def merged(property_id: UUID, link: ReservationLink, booking: Booking, pms_now: Values) -> Merged:
    """What moves between a booking as the channel has it and its reservation, in a property of the PMS."""
    owners = owners_of(property_id, is_ours=is_made_here(link, booking))
    return merge(_base(link, CHANNEL), values_of(booking), _base(link, PMS), pms_now, owners)


def is_made_here(link: ReservationLink, booking: Booking | None = None) -> bool:
    """Whether the booking was made in the PMS: the link says so, or a state of it that carries our key."""
    return bool(booking is not None and booking.client_key) or bool(link.bases.get(MADE_HERE))


def owners_for(property_id: UUID, link: ReservationLink) -> Owners:
    """Whose word counts for the fields of a booking, in a property of the PMS."""
    return owners_of(property_id, is_ours=is_made_here(link))


def over(link: ReservationLink, fields: Collection[Field]) -> dict[str, Any]:
    """What a push of these fields is about to go over: the channel's values and the time of what was seen last."""
    seen = link.applied_modified_at
    marks = {one.value: mark for one in fields if (mark := _base(link, CHANNEL).marks.get(one.value)) is not None}
    return {"seen": seen.isoformat() if seen is not None else None, "marks": marks}


def has_as_sent(link: ReservationLink, field: Field, value: Any) -> bool:
    """Whether the channel has the value that it was sent."""
    return _base(link, CHANNEL).holds(field, value)


def was_seen(link: ReservationLink, field: Field, value: Any, over: Mapping[str, Any]) -> bool:
    """Whether this is the value that a push went over knowingly."""
    return Base(link.external_id, over["marks"]).holds(field, value)


def unsent(link: ReservationLink, channel_name: str, reservation: Reservation, external_room_id: str) -> Values:
    """What the PMS has changed since both agreed; all of it where they never have."""
    if link.bases:
        pms_now = ours(channel_name, link, reservation, external_room_id)
        return moved_by_pms(_base(link, CHANNEL), _base(link, PMS), pms_now)
    push = push_of(channel_name, reservation, external_room_id)
    return {} if link.pushed_hash == push.state_hash() else values_of(push)


@dataclass(frozen=True)
class StayAtChannel:
    """The nights that a booking takes at the channel."""

    external_room_id: str
    check_in: date
    check_out: date
    units: int


def stays_at_channel(channel_property: ChannelProperty, external_room_ids: Sequence[str]) -> list[StayAtChannel]:
    """What linked bookings take of some rooms, as the channel was last seen; those without bases are not known."""
    links = ReservationLink.objects.filter(
        channel_property=channel_property,
        applied_cancelled=False,
        **{f"bases__{CHANNEL}__{Field.ROOM}__in": list(external_room_ids)},
    )
    found = []
    for bases in links.values_list("bases", flat=True).iterator():
        marks = bases[CHANNEL]
        dates, status = marks.get(Field.DATES), marks.get(Field.STATUS)
        if isinstance(dates, list) and status not in NO_ROOM:
            check_in, check_out = map(date.fromisoformat, dates)
            units = marks.get(Field.UNITS)
            found.append(StayAtChannel(marks[Field.ROOM], check_in, check_out, units if isinstance(units, int) else 1))
    return found


def is_as_agreed(link: ReservationLink, booking: Booking) -> bool:
    """Whether the channel has changed nothing since both agreed, and says nothing that it did not say then."""
    base = _base(link, CHANNEL)
    return bool(base.marks) and all(base.holds(one, value) for one, value in values_of(booking).items())


def says_more(link: ReservationLink, booking: Booking) -> bool:
    """Whether nothing has changed that the channel said before, and it says more now."""
    base, now = _base(link, CHANNEL), values_of(booking)
    news = [one for one, value in now.items() if not base.holds(one, value)]
    return bool(base.marks and news) and not any(base.knows(one) for one in news)


def adopt(link: ReservationLink, booking: Booking, pms_now: Values, pms_hash: str) -> None:
    """Give a link from before there were bases the bases that its hash allows. The caller saves it.

    The side that is as the hash says has not moved. Where neither is, both have in whatever they differ. Without a hash
    there is no agreement: the channel's state is taken whole.
    """
    if not link.pushed_hash:
        return
    channel_now = values_of(booking)
    if link.pushed_hash == pms_hash:
        _keep(link, channel=pms_now, pms=pms_now)
    elif link.pushed_hash == booking.as_push().state_hash():
        _keep(link, channel=channel_now, pms=channel_now)
    else:
        same = {one: value for one, value in channel_now.items() if pms_now[one] == value}
        _keep(link, channel=same, pms=same)
        _mark_moved(link, (CHANNEL, PMS), set(pms_now) - set(same))
        if not link.applied_cancelled and booking.status is not BookingStatus.CANCELLED:
            # It was never cancelled there: whoever has cancelled it is the PMS.
            _keep(link, channel={Field.STATUS: channel_now[Field.STATUS]}, pms={})


def note_both(
    link: ReservationLink, booking: Booking, pms_now: Values, room_type_id: UUID, *, unsent: Collection[Field] = ()
) -> None:
    """Both sides are seen: they agree on all but what is still to be sent. The caller saves the link."""
    _keep(link, channel=values_of(booking), pms={one: value for one, value in pms_now.items() if one not in unsent})
    if Field.ROOM not in unsent:
        link.bases[ROOM_TYPE] = str(room_type_id)
    if booking.client_key:
        link.bases[MADE_HERE] = True


def note_sent(
    link: ReservationLink,
    push: BookingPush,
    fields: Collection[Field] | None = None,
    *,
    dropped: Collection[Field] = (),
) -> None:
    """The channel has these fields, or all, of a push, but for what it dropped: that is not sent again.

    The caller saves the link.
    """
    sent = {one: value for one, value in values_of(push).items() if fields is None or one in fields}
    _keep(link, channel={one: value for one, value in sent.items() if one not in dropped}, pms=sent)


def note_room_type(link: ReservationLink, room_type_id: UUID, *, is_made_here: bool = False) -> None:
    """The room that the channel has is of this room type; a booking may have been made here."""
    link.bases[ROOM_TYPE] = str(room_type_id)
    if is_made_here:
        link.bases[MADE_HERE] = True


def note_agreed(link: ReservationLink, pms_now: Values) -> None:
    """What the PMS has now as the channel has it is agreed on: going back from it is a change. The caller saves it."""
    channel = _base(link, CHANNEL)
    _keep(link, channel={}, pms={one: value for one, value in pms_now.items() if channel.holds(one, value)})


def want_of_channel(link: ReservationLink, fields: Collection[Field], pms_now: Values) -> None:
    """What the channel has in these fields is to be taken over: it counts as moved there, and not here."""
    if link.bases:
        _keep(link, channel={}, pms={one: pms_now[one] for one in fields})
        _mark_moved(link, (CHANNEL,), fields)


def want_of_pms(link: ReservationLink, fields: Collection[Field], channel_now: Values) -> None:
    """What the PMS has in these fields is to be sent: it counts as moved here, and what the channel has as seen."""
    if link.bases:
        _keep(link, channel={one: value for one, value in channel_now.items() if one in fields}, pms={})
        _mark_moved(link, (PMS,), fields)


def note_cancelled(link: ReservationLink) -> None:
    """Both sides have it as cancelled, whatever else they knew of it. The caller saves the link."""
    status = {Field.STATUS: BookingStatus.CANCELLED.value}
    _keep(link, channel=status, pms=status)


def note_seen(link: ReservationLink, channel_now: Values, pms_now: Values) -> None:
    """What the channel has in these fields is seen and not taken over. The caller saves the link.

    A change of the PMS that is still to be sent stays one.
    """
    known = _base(link, PMS)
    _keep(link, channel=channel_now, pms={one: value for one, value in pms_now.items() if not known.knows(one)})


def has_moved_there(link: ReservationLink, field: Field, value: Any) -> bool:
    """Whether the channel had another value of a field when both last agreed, or none is known."""
    return not _base(link, CHANNEL).holds(field, value)


def note_price(link: ReservationLink, push: BookingPush) -> None:
    """Both sides have the price of a push; nothing else was looked at. The caller saves the link."""
    if link.bases:
        note_sent(link, push, [Field.PRICE])
    else:
        link.pushed_hash = push.state_hash()


def forget(link: ReservationLink) -> None:
    """The sides agree on nothing: whichever is looked at next is whole. The caller saves the link."""
    link.bases = {}
    link.pushed_hash = ""


def fields_of(parts: Collection[str] | None) -> list[Field] | None:
    """The fields that named parts stand for; None for all."""
    return None if parts is None else [one for one in Field if parts_of([one]) <= set(parts)]


def fields_with(parts: Collection[str]) -> list[Field]:
    """The fields that any of the named parts belongs to."""
    return [one for one in Field if not parts_of([one]).isdisjoint(parts)]


def _mark_moved(link: ReservationLink, sides: Collection[str], fields: Collection[Field]) -> None:
    for side in sides:
        link.bases[side] = {**link.bases.get(side, {}), **{one.value: MOVED for one in fields}}


def _keep(link: ReservationLink, **sides: Values) -> None:
    kept: Mapping[str, Any] = {side: dict(_base(link, side).updated(values).marks) for side, values in sides.items()}
    link.bases = {**link.bases, **kept}
    link.pushed_hash = ""


def _base(link: ReservationLink, side: str) -> Base:
    return Base(link.external_id, link.bases.get(side, {}))
