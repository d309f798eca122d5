"""What both sides of a linked booking looked like when they last agreed, and what has moved since."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from channel_sync.channels.canonical import Booking, BookingPush, BookingStatus
from channel_sync.connections.pushable import push_of
from channel_sync.merge.base import Base
from channel_sync.merge.fields import Field, Values, parts_of, values_of
from channel_sync.merge.owners import owners_of
from channel_sync.merge.three_way import Merged, merge, moved_by_pms
from channel_sync.models import ReservationLink
from channel_sync.pms import Reservation

CHANNEL, PMS = "channel", "pms"
UNMAPPED = ""


def ours(channel_name: str, reservation: Reservation, external_room_id: str | None) -> dict[Field, Any]:
    """A reservation as the channel could show it."""
    return values_of(push_of(channel_name, reservation, external_room_id or UNMAPPED))


def merged(property_id: UUID, link: ReservationLink, booking: Booking, pms_now: Values) -> Merged:
    """What moves between a booking as the channel has it and its reservation, in a property of the PMS."""
    owners = owners_of(property_id, booking)
    return merge(_base(link, CHANNEL), values_of(booking), _base(link, PMS), pms_now, owners)


def unsent(link: ReservationLink, push: BookingPush) -> Values:
    """What the PMS has changed since both agreed; all of it where they never have."""
    if link.bases:
        return moved_by_pms(_base(link, CHANNEL), _base(link, PMS), values_of(push))
    return {} if link.pushed_hash == push.state_hash() else values_of(push)


def is_as_agreed(link: ReservationLink, booking: Booking) -> bool:
    """Whether the channel has changed nothing since both agreed, and tells nothing that it did not tell then."""
    base = _base(link, CHANNEL)
    return bool(base.marks) and all(base.holds(one, value) for one, value in values_of(booking).items())


def says_more(link: ReservationLink, booking: Booking) -> bool:
    """Whether nothing has changed that the channel told before, and it tells more now."""
    base, told = _base(link, CHANNEL), values_of(booking)
    news = [one for one, value in told.items() if not base.holds(one, value)]
    return bool(base.marks and news) and not any(base.knows(one) for one in news)


def note_both(link: ReservationLink, booking: Booking, pms_now: Values, *, unsent: Collection[Field] = ()) -> None:
    """Both sides are seen: they agree on all but what is still to be sent. The caller saves the link."""
    _keep(link, channel=values_of(booking), pms={one: value for one, value in pms_now.items() if one not in unsent})


def note_sent(link: ReservationLink, push: BookingPush, fields: Collection[Field] | None = None) -> None:
    """The channel has these fields, or all, of a push. The caller saves the link."""
    sent = {one: value for one, value in values_of(push).items() if fields is None or one in fields}
    _keep(link, channel=sent, pms=sent)


def note_cancelled(link: ReservationLink) -> None:
    """Both sides have it as cancelled, whatever else they knew of it. The caller saves the link."""
    status = {Field.STATUS: BookingStatus.CANCELLED.value}
    _keep(link, channel=status, pms=status)


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


def _keep(link: ReservationLink, **sides: Values) -> None:
    kept: Mapping[str, Any] = {side: dict(_base(link, side).updated(values).marks) for side, values in sides.items()}
    link.bases = {**link.bases, **kept}
    link.pushed_hash = ""


def _base(link: ReservationLink, side: str) -> Base:
    return Base(link.external_id, link.bases.get(side, {}))
