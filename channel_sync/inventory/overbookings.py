"""Overbooked nights: whoever notices that a night is below zero opens a conflict, and one that is over is closed.

A booking that comes without a free room has a conflict of its own (`inbound/overbooking.py`). Nights that are below
zero for another reason, such as a sale past the locks or a room out of order, have one per room type and run of nights.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from channel_sync.channels.ranges import ONE_NIGHT, equal_ranges, nights
from channel_sync.conflicts import FREE_UNITS, GONE, NOT_IN_PMS, close_gone, flag_conflict
from channel_sync.inventory.availability import FreeNight, free_units
from channel_sync.inventory.unconfirmed import unconfirmed_units
from channel_sync.models import ChannelProperty, Conflict, ConflictKind, ConflictStatus, Severity
from channel_sync.pms import host_pms

logger = logging.getLogger(__name__)

OF_ROOM_TYPE = "room_type:"

Units = Mapping[date, int]


def close_overbookings_gone(room_type_id: UUID) -> int:
    """Close the open overbookings of a room type of which no night is below zero any more; returns how many.

    Runs in the transaction that gave units back: a hold that was released or has expired.
    """
    found = _conflicts([room_type_id]).filter(status=ConflictStatus.OPEN)
    gone = [conflict.id for conflict in found if not _is_overbooked(room_type_id, conflict)]
    return close_gone(Conflict.objects.filter(id__in=gone)) if gone else 0


def note_overbookings(channel_property: ChannelProperty, seen: Sequence[FreeNight]) -> int:
    """Bring the overbooking conflicts of a property in line with the nights that were looked at; how many were opened.

    `seen` counts bookings that the PMS has not taken in yet as sold. What a booking's own conflict names, or a person
    has dismissed while it was as bad, is not opened again. Opens nothing for nights that were not looked at, and leaves
    what is known of them. One statement while no night is below zero and no conflict is open.
    """
    free: dict[UUID, dict[date, int]] = defaultdict(dict)
    for one in seen:
        free[one.room_type_id][one.night] = one.free
    _leave_out_unconfirmed(free)
    below = {room_type_id: _below_zero(by_night) for room_type_id, by_night in free.items()}
    known: dict[UUID, list[Conflict]] = defaultdict(list)
    dismissed = Q(status=ConflictStatus.DISMISSED) & ~Q(resolution=GONE)
    of_property = _conflicts(free).filter(channel_property__property_id=channel_property.property_id)
    for conflict in of_property.filter(Q(status=ConflictStatus.OPEN) | dismissed).order_by("created_at"):
        known[UUID(conflict.pms_side["room_type_id"])].append(conflict)
    opened = 0
    for room_type_id in sorted(free):
        if below[room_type_id] or known[room_type_id]:
            with transaction.atomic():
                opened += _note(channel_property, room_type_id, free[room_type_id], known[room_type_id])
    return opened


def _leave_out_unconfirmed(free: Mapping[UUID, dict[date, int]]) -> None:
    """What the desk has sold and the channel has still to confirm does not count: the channel refuses it."""
    for room_type_id, by_night in free.items():
        below = sorted(_below_zero(by_night))
        if below:
            unconfirmed = unconfirmed_units([room_type_id], below[0], below[-1])
            for night in below:
                by_night[night] += unconfirmed[room_type_id, night]


def _note(channel_property: ChannelProperty, room_type_id: UUID, seen: Units, known: Sequence[Conflict]) -> int:
    of_bookings = [one for one in known if not one.subject.startswith(OF_ROOM_TYPE)]
    of_nights = [one for one in known if one.subject.startswith(OF_ROOM_TYPE) and one.status == ConflictStatus.OPEN]
    _forget_dismissed(seen, [one for one in known if one.status == ConflictStatus.DISMISSED])
    _close_of_bookings(room_type_id, seen, [one for one in of_bookings if one.status == ConflictStatus.OPEN])
    below = {night: free for night, free in _below_zero(seen).items() if not _is_covered(night, free, known)}
    unapplied = _not_in_pms(room_type_id, below)
    today = host_pms().property_facts(channel_property.property_id).today()
    left = list(of_nights)
    opened = 0
    for run in _runs(below):
        same = next((one for one in left if not run.keys().isdisjoint(_named(one))), None)
        if same is not None:
            left.remove(same)
            run = _not_looked_at(same, seen, today) | run
        else:
            opened += 1
            logger.error("room type %s is overbooked on %s", room_type_id, ", ".join(map(str, run)))
        _flag(channel_property, room_type_id, run, unapplied, _subject(room_type_id, run, same, of_nights))
    for conflict in left:
        rest = _not_looked_at(conflict, seen, today)
        if rest:
            _flag(conflict.channel_property, room_type_id, rest, _unapplied_of(conflict), conflict.subject)
        else:
            close_gone(Conflict.objects.filter(id=conflict.id))
    return opened


def _flag(channel_property: ChannelProperty, room_type_id: UUID, free: Units, unapplied: Units, subject: str) -> None:
    side: dict[str, object] = {
        "room_type_id": str(room_type_id),
        FREE_UNITS: {str(night): units for night, units in sorted(free.items())},
    }
    waiting = {str(night): unapplied[night] for night in sorted(free) if unapplied.get(night)}
    if waiting:
        side[NOT_IN_PMS] = waiting
    flag_conflict(
        channel_property,
        ConflictKind.OVERBOOKING,
        Severity.HIGH,
        subject,
        pms_side=side,
        channel_side={},
        is_news=True,
    )


def _conflicts(room_type_ids: Collection[UUID]) -> QuerySet[Conflict]:
    names = [str(room_type_id) for room_type_id in room_type_ids]
    return Conflict.objects.filter(kind=ConflictKind.OVERBOOKING, pms_side__room_type_id__in=names)


def _subject(room_type_id: UUID, run: Units, same: Conflict | None, others: Sequence[Conflict]) -> str:
    """That of the conflict which it goes on with; else the room type and a night that names no other."""
    if same is not None:
        return same.subject
    taken = {one.subject for one in others}
    names = [f"{OF_ROOM_TYPE}{room_type_id}:{night}" for night in sorted(run)]
    return next((name for name in names if name not in taken), names[0])


def _is_covered(night: date, free: int, known: Sequence[Conflict]) -> bool:
    """Whether a booking's conflict names the night, or a person has dismissed it when it was as bad."""
    for conflict in known:
        named = _named(conflict)
        if conflict.status == ConflictStatus.DISMISSED:
            if night in named and named[night] <= free:
                return True
        elif night in named and not conflict.subject.startswith(OF_ROOM_TYPE):
            return True
    return False


def _forget_dismissed(seen: Units, dismissed: Sequence[Conflict]) -> None:
    """What was dismissed and is over is no reason to be silent when it comes again."""
    over = [one.id for one in dismissed if all(seen.get(night, -1) >= 0 for night in _named(one))]
    if over:
        Conflict.objects.filter(id__in=over).update(resolution=GONE, updated_at=Now())


def _close_of_bookings(room_type_id: UUID, seen: Units, of_bookings: Sequence[Conflict]) -> None:
    """Those of which no night is below zero any more; looked at only where a night of theirs has been seen free."""
    candidates = [one for one in of_bookings if any(seen.get(night, -1) >= 0 for night in _named(one))]
    gone = [one.id for one in candidates if not _is_overbooked(room_type_id, one)]
    if gone:
        close_gone(Conflict.objects.filter(id__in=gone))


def _is_overbooked(room_type_id: UUID, conflict: Conflict) -> bool:
    named = _named(conflict)
    if not named:
        return False
    counts_unapplied = conflict.subject.startswith(OF_ROOM_TYPE)
    found = free_units([room_type_id], min(named), max(named) + ONE_NIGHT, unapplied=counts_unapplied)
    return any(night.free < 0 for night in found if night.night in named)


def _not_in_pms(room_type_id: UUID, below: Units) -> Units:
    """How many of the sold units the PMS has not taken in, on nights that are below zero."""
    if not below:
        return {}
    in_pms = free_units([room_type_id], min(below), max(below) + ONE_NIGHT, unapplied=False)
    return {one.night: max(one.free - below[one.night], 0) for one in in_pms if one.night in below}


def _runs(below: Units) -> Iterator[dict[date, int]]:
    for first, last, _ in equal_ranges((night, True) for night in sorted(below)):
        yield {night: below[night] for night in nights(first, last)}


def _not_looked_at(conflict: Conflict, seen: Units, today: date) -> dict[date, int]:
    """What a conflict names of nights to come that nobody has looked at now."""
    return {night: free for night, free in _named(conflict).items() if night not in seen and night >= today}


def _named(conflict: Conflict) -> dict[date, int]:
    return _by_night(conflict.pms_side.get(FREE_UNITS, {}))


def _unapplied_of(conflict: Conflict) -> Units:
    return _by_night(conflict.pms_side.get(NOT_IN_PMS, {}))


def _by_night(named: Mapping[str, int]) -> dict[date, int]:
    return {date.fromisoformat(night): units for night, units in named.items()}


def _below_zero(free: Units) -> dict[date, int]:
    return {night: units for night, units in free.items() if units < 0}
