"""Compare free units night by night."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import AvailabilityRange
from channel_sync.channels.ranges import ONE_NIGHT, equal_ranges, nights
from channel_sync.conflicts import close_gone, flag_conflict
from channel_sync.connections.mapped_rooms import every_open_room
from channel_sync.database_clock import database_now
from channel_sync.events.outbound_events import availability_event
from channel_sync.events.store import record_all
from channel_sync.inbound.pull import pull_bookings
from channel_sync.inbound.unapplied import unapplied_nights
from channel_sync.inventory.availability import free_units, sellable
from channel_sync.inventory.overbookings import note_overbookings
from channel_sync.inventory.shown_nights import KnownNight, forget_nights, remember_nights
from channel_sync.models import (
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    ReconciliationKind,
    ReconciliationRun,
    Severity,
    ShownHow,
)
from channel_sync.outbound.coalescing import room_types_on_their_way
from channel_sync.pms import NightSpan, host_pms
from channel_sync.reconciliation.limits import (
    Limits,
    Quantities,
    close_levelled,
    find_limits,
    flag_quantities,
    shown_in_run,
)
from channel_sync.reconciliation.rules import Delta, compare_units
from channel_sync.reconciliation.runs import RunOptions, advance, keep_lower, running
from channel_sync.reconciliation.spare_calls import call_with_spare_credits

DAYS = 365
# Of nights that are over it is known so long what the channel showed.
PAST_KEPT = timedelta(days=30)
# Rooms of one call: the answer is one page.
ROOMS_AT_ONCE = 50


@dataclass(frozen=True)
class UnequalNight:
    """Free units of a room type on a night, on both sides."""

    room_type_id: UUID
    night: date
    pms: int
    channel: int


@dataclass(frozen=True)
class Comparison:
    """The nights of each room type of which both sides are known, and those of them that a push can level.

    `quantities` are those of room types of which the channel has fewer units, and cannot show what is free.
    """

    nights: Mapping[UUID, Collection[date]]
    differing: Sequence[UnequalNight]
    quantities: Mapping[UUID, Quantities] = field(default_factory=dict)


def reconcile_availability(channel_property: ChannelProperty, options: RunOptions | None = None) -> ReconciliationRun:
    """Compare today and the next 365 nights of every mapped room type with the channel's calendar.

    A night that differs by one unit is pushed, one that differs by more is flagged, per room type; where the channel
    shows more than is free it is lowered, whatever the difference. Bookings changed at the channel are applied before;
    room types with anything on its way are left to it. What differs is read a second time before it counts. Where the
    channel cannot show what is free, for want of a price or of rooms, nothing is pushed; too few rooms are flagged,
    once per room type. A conflict is closed once all its nights were compared and none is flagged. A night below zero
    in the PMS is an overbooking, whatever the channel shows. Raises as `reconcile_bookings` does.
    """
    options = options or RunOptions()
    today = host_pms().property_facts(channel_property.property_id).today()
    if not options.dry_run:
        forget_nights(channel_property, before=today - PAST_KEPT)
    window = options.window or (today, today + timedelta(days=DAYS))
    with running(channel_property, ReconciliationKind.AVAILABILITY, window, options) as run:
        rooms = every_open_room(channel_property)
        found = _compare(run, rooms, options)
        advance(run, compared=len(rooms) * ((window[1] - window[0]).days + 1))
        options.progress("room types compared", len(rooms))
        if found.differing:
            again = {room_type: rooms[room_type] for room_type in {night.room_type_id for night in found.differing}}
            second = _compare(run, again, options)
            found = _explained(run, rooms, Comparison({**found.nights, **second.nights}, second.differing), options)
        _act(run, rooms, found, today, options)
    return run


def _compare(run: ReconciliationRun, rooms: Mapping[UUID, str], options: RunOptions) -> Comparison:
    """Read both sides now; a room type with anything on its way has no nights."""
    if not rooms:
        return Comparison({}, [])
    channel_property, first, last = run.channel_property, run.window_start, run.window_end

    call_with_spare_credits(channel_property, partial(pull_bookings, channel_property), wait=options.wait)
    read_at = database_now()
    seen = _shown(run, list(rooms.values()), options)
    theirs = {
        (span.external_room_id, night): span.units
        for span in seen
        for night in nights(span.first_night, span.last_night)
    }
    free = free_units(list(rooms), first, last + ONE_NIGHT)
    # After what is free was read: a change that counts in it has its event committed with it.
    under_way = room_types_on_their_way(channel_property)
    if not options.dry_run:
        # A booking that waits for its channel may be refused in a moment: then nothing is overbooked.
        note_overbookings(channel_property, [night for night in free if night.room_type_id not in under_way])
        known = [
            KnownNight(one.room_type_id, one.night, shown, sellable(one.free))
            for one in free
            if one.room_type_id not in under_way
            and (shown := theirs.get((rooms[one.room_type_id], one.night))) is not None
        ]
        remember_nights(channel_property, ShownHow.SEEN, known, at=read_at)
    unapplied = unapplied_nights(channel_property)
    compared: dict[UUID, set[date]] = {room_type_id: set() for room_type_id in rooms}
    differing = []
    for ours in free:
        room = rooms[ours.room_type_id]
        if ours.room_type_id in under_way or (room, ours.night) not in theirs:
            continue
        shown, units = theirs[room, ours.night], sellable(ours.free)
        differs = compare_units(shown, units) != Delta.NONE
        # The channel counts bookings that the PMS could not take in: it is right to show less.
        if differs and shown <= units and unapplied.may_take(room, ours.night):
            continue
        compared[ours.room_type_id].add(ours.night)
        if differs:
            differing.append(UnequalNight(ours.room_type_id, ours.night, units, shown))
    return Comparison(compared, differing)


def _shown(run: ReconciliationRun, rooms: Sequence[str], options: RunOptions) -> list[AvailabilityRange]:
    """What the channel shows, some rooms at a time: between two calls a push may have the account."""
    shown: list[AvailabilityRange] = []
    for start in range(0, len(rooms), ROOMS_AT_ONCE):

        def read(channel: Channel, some: Sequence[str] = rooms[start : start + ROOMS_AT_ONCE]) -> None:
            shown.extend(channel.availability(some, run.window_start, run.window_end, only_readable=True))

        call_with_spare_credits(run.channel_property, read, wait=options.wait)
    return shown


def _explained(run: ReconciliationRun, rooms: Mapping[UUID, str], found: Comparison, options: RunOptions) -> Comparison:
    """Without the nights that no push can level."""
    if not any(night.channel < night.pms for night in found.differing):
        return found

    def read(channel: Channel) -> Limits:
        window = run.window_start, run.window_end
        return find_limits(run.channel_property, channel, rooms, found.differing, window)

    limits = call_with_spare_credits(run.channel_property, read, wait=options.wait)
    differing = [night for night in found.differing if (night.room_type_id, night.night) not in limits.explained]
    keep_lower(run, shown_in_run(limits.explained))
    return Comparison(found.nights, differing, limits.quantities)


def _act(
    run: ReconciliationRun, rooms: Mapping[UUID, str], found: Comparison, today: date, options: RunOptions
) -> None:
    by_rule: dict[Delta, dict[UUID, list[UnequalNight]]] = {Delta.FIX: {}, Delta.FLAG: {}}
    for night in found.differing:
        for rule in compare_units(night.channel, night.pms):
            by_rule[rule].setdefault(night.room_type_id, []).append(night)
    fixed = sum(len(unequal) for unequal in by_rule[Delta.FIX].values())
    flagged = len(by_rule[Delta.FLAG]) + len(found.quantities)
    with transaction.atomic():
        if not options.dry_run:
            _push(run.channel_property, by_rule[Delta.FIX])
            flagged = _flag(run.channel_property, rooms, by_rule[Delta.FLAG])
            flagged += flag_quantities(run.channel_property, rooms, found.quantities)
            _close_gone(run.channel_property, rooms, by_rule[Delta.FLAG], found, today)
            if run.window_start <= today and run.window_end >= today + timedelta(days=DAYS):
                compared = [room_type_id for room_type_id, of_type in found.nights.items() if of_type]
                close_levelled(run.channel_property, compared, found.quantities)
        advance(run, fixed=fixed, flagged=flagged)


def _push(channel_property: ChannelProperty, differing: Mapping[UUID, Sequence[UnequalNight]]) -> None:
    events = [
        availability_event(
            channel_property.id, NightSpan(channel_property.property_id, room_type_id, first, last + ONE_NIGHT)
        )
        for room_type_id, found in differing.items()
        for first, last, _ in equal_ranges((night.night, True) for night in found)
    ]
    publish_after_commit(record_all(events))


def _flag(
    channel_property: ChannelProperty, rooms: Mapping[UUID, str], differing: Mapping[UUID, Sequence[UnequalNight]]
) -> int:
    """One conflict per room type, with its nights; returns how many there are."""
    flagged = 0
    for room_type_id, found in differing.items():
        flagged += flag_conflict(
            channel_property,
            ConflictKind.AVAILABILITY,
            Severity.HIGH,
            _subject(room_type_id),
            pms_side={"room_type_id": str(room_type_id), "free_units": {str(one.night): one.pms for one in found}},
            channel_side={"room_id": rooms[room_type_id], "free_units": {str(one.night): one.channel for one in found}},
        )
    return flagged


def _close_gone(
    channel_property: ChannelProperty,
    rooms: Mapping[UUID, str],
    flagged: Collection[UUID],
    found: Comparison,
    today: date,
) -> None:
    """Close the conflicts of room types of which each night was compared, is past, or is not sold here any more."""
    known = Conflict.objects.filter(channel_property=channel_property, kind=ConflictKind.AVAILABILITY)
    others = known.filter(status=ConflictStatus.OPEN).exclude(subject__in=map(_subject, flagged))
    gone = []
    for conflict in others:
        room_type_id = UUID(conflict.pms_side["room_type_id"])
        named = map(date.fromisoformat, conflict.pms_side["free_units"])
        compared = found.nights.get(room_type_id, ())
        if room_type_id not in rooms or all(night < today or night in compared for night in named):
            gone.append(conflict.id)
    close_gone(known.filter(id__in=gone))


def _subject(room_type_id: UUID) -> str:
    return f"room_type:{room_type_id}"
