"""What the PMS and the channel sell on each night, beside each other: by what is known, or by asking the channel.

From the moment at which the channel's number was sent or seen each booking moves both sides alike, so that the
difference of that moment stands until something is sent or seen again. The statements do not grow with nights or rooms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q

from channel_sync.channels.base import Channel
from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.connections.account import calling
from channel_sync.database_clock import database_now
from channel_sync.inventory.availability import free_units, sellable
from channel_sync.inventory.hold_policy import keeping_units
from channel_sync.models import (
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    InventoryHold,
    MappingType,
    ReconciliationKind,
    ReconciliationRun,
    RunStatus,
    ShownNight,
)
from channel_sync.operations.not_in_pms import NotInPmsYet, not_in_pms_yet
from channel_sync.operations.plan_nights import PlanNights, plans_of
from channel_sync.outbound.coalescing import room_types_on_their_way
from channel_sync.pms import PropertyFacts, RoomTypeFacts, host_pms
from channel_sync.reconciliation.rate_conflicts import LEFT_CLOSED

LIVE = "live"
ROOMS_OF_ONE_CALL = 50
# The newest that looked at each night is among them: the usual window each hour, the whole calendar each day.
RUNS_LOOKED_AT = 50
OF_ROOMS = (
    ConflictKind.AVAILABILITY,
    ConflictKind.OVERBOOKING,
    ConflictKind.ROOM_QUANTITY,
    ConflictKind.CLOSED_AT_CHANNEL,
)

# Room type and night.
Key = tuple[UUID, date]


@dataclass(frozen=True)
class AtChannel:
    """Units of a night at the channel: as they were last known, how and when, and what follows from that for now."""

    units: int
    last_known: int
    how: str
    known_at: datetime


@dataclass(frozen=True)
class NightBothSides:
    """A night of a room type. `differs` is None where the channel's side is not known, or a change is on its way.

    `free` is below zero when it is overbooked; `for_sale` is what a channel is told of it. `reserved`, `held`,
    `out_of_order` and `not_in_pms` are the units that are taken, by what takes them. `closed_at_channel` is how
    somebody had closed the night there by hand when that was last flagged.
    """

    night: date
    free: int
    for_sale: int
    reserved: int
    held: int
    out_of_order: int
    not_in_pms: int
    channel: AtChannel | None
    compared_at: datetime | None
    kept_lower: str | None
    closed_at_channel: str | None
    differs: bool | None


@dataclass(frozen=True)
class RoomTypeBothSides:
    """A room type, its room at the channel, and its nights; `conflicts` are the open ones about it."""

    facts: RoomTypeFacts
    external_room_id: str | None
    held_since: datetime | None
    on_its_way: bool
    nights: Sequence[NightBothSides]
    conflicts: Sequence[Conflict]
    rates: Sequence[PlanNights] | None


@dataclass(frozen=True)
class BothSides:
    """A property from `start` up to but without `end`."""

    channel_property: ChannelProperty
    facts: PropertyFacts
    start: date
    end: date
    room_types: Sequence[RoomTypeBothSides]
    not_in_pms: NotInPmsYet
    asked_at: datetime | None


@dataclass(frozen=True)
class _Taken:
    """Units by room type and night."""

    units: dict[Key, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, room_type_id: UUID, first: date, end: date, units: int) -> None:
        for night in nights(first, end - ONE_NIGHT):
            self.units[room_type_id, night] += units


def both_sides(
    channel_property: ChannelProperty,
    start: date,
    end: date,
    *,
    room_type_id: UUID | None = None,
    with_rates: bool = False,
    live: bool = False,
) -> BothSides:
    """Every room type of the property, or one, from `start` up to but without `end`.

    With `live` the channel is asked, which costs credits and takes the account for as long: not in a transaction.
    Raises what calls raise then.
    """
    facts = host_pms().property_facts(channel_property.property_id)
    room_types = sorted(
        (one for one in host_pms().room_types(facts.id) if room_type_id in (None, one.id)), key=lambda one: one.name
    )
    ids = [one.id for one in room_types]
    mappings = {
        mapping.internal_id: mapping
        for mapping in ChannelMapping.objects.filter(
            channel_property=channel_property, mapping_type=MappingType.ROOM_TYPE, is_active=True, internal_id__in=ids
        )
    }
    asked_at = database_now() if live else None
    shown = _shown_live(channel_property, mappings, start, end) if live else {}
    known = {} if live else _known(mappings, start, end)
    free = {(one.room_type_id, one.night): one.free for one in free_units(ids, start, end)} if ids else {}
    # After what is free was read: a change that counts in it has its event committed with it.
    on_their_way = room_types_on_their_way(channel_property)
    missing = not_in_pms_yet(channel_property, start=start, end=end, room_type_id=room_type_id)
    reserved, held = _reserved_and_held(ids, start, end)
    out_of_order, not_in_pms = _out_of_order(ids, start, end), _not_in_pms(missing)
    compared = _Compared(channel_property, start, end)
    conflicts = _Conflicts(channel_property)
    plans = plans_of(channel_property, start, end, ids) if with_rates else None

    def night_of(one: UUID, night: date) -> NightBothSides:
        key, for_sale = (one, night), sellable(free[one, night])
        at_channel = _live(shown.get(key), asked_at) if live else _now(known.get(key), for_sale)
        differs = None
        if at_channel is not None and one not in on_their_way:
            differs = at_channel.units != for_sale
        compared_at, kept_lower = compared.of(one, night) if one in mappings else (None, None)
        return NightBothSides(
            night, free[key], for_sale, reserved.units[key], held.units[key], len(out_of_order[key]),
            not_in_pms.units[key], at_channel, compared_at, kept_lower, conflicts.closed(*key), differs,
        )  # fmt: skip

    return BothSides(
        channel_property,
        facts,
        start,
        end,
        [
            RoomTypeBothSides(
                facts=one,
                external_room_id=mappings[one.id].external_id if one.id in mappings else None,
                held_since=mappings[one.id].held_since if one.id in mappings else None,
                on_its_way=one.id in on_their_way,
                nights=[night_of(one.id, night) for night in nights(start, end - ONE_NIGHT)],
                conflicts=conflicts.open[str(one.id)],
                rates=plans[one.id] if plans is not None else None,
            )
            for one in room_types
        ],
        missing,
        asked_at,
    )


def _known(mappings: Mapping[UUID, ChannelMapping], start: date, end: date) -> dict[Key, ShownNight]:
    room_types = {mapping.id: room_type_id for room_type_id, mapping in mappings.items()}
    rows = ShownNight.objects.filter(mapping__in=list(room_types), night__gte=start, night__lt=end)
    return {(room_types[row.mapping_id], row.night): row for row in rows}


def _now(known: ShownNight | None, for_sale: int) -> AtChannel | None:
    """What the channel has by now: the PMS's number and the difference of then; closed, it has what it had."""
    if known is None:
        return None
    units = known.units if known.in_pms is None else max(for_sale + known.units - known.in_pms, 0)
    return AtChannel(units, known.units, known.how, known.known_at)


def _live(units: int | None, asked_at: datetime | None) -> AtChannel | None:
    return None if units is None or asked_at is None else AtChannel(units, units, LIVE, asked_at)


def _shown_live(
    channel_property: ChannelProperty, mappings: Mapping[UUID, ChannelMapping], start: date, end: date
) -> dict[Key, int]:
    """What the channel shows; the account is free for pushes between one call and the next."""
    room_types = {mapping.external_id: room_type_id for room_type_id, mapping in mappings.items()}
    rooms, shown = sorted(room_types), {}

    def ask(channel: Channel, some: Sequence[str]) -> None:
        for span in channel.availability(some, start, end - ONE_NIGHT, only_readable=True):
            for night in nights(span.first_night, span.last_night):
                shown[room_types[span.external_room_id], night] = span.units

    for first in range(0, len(rooms), ROOMS_OF_ONE_CALL):
        with calling(channel_property, is_urgent=True, though_paused=True) as channel:
            ask(channel, rooms[first : first + ROOMS_OF_ONE_CALL])
    return shown


def _reserved_and_held(room_type_ids: Sequence[UUID], start: date, end: date) -> tuple[_Taken, _Taken]:
    """Holds count beside what their own reservation has reserved, as far as they are larger."""
    reserved, held = _Taken(), _Taken()
    own: dict[UUID, list[tuple[UUID, date, date, int]]] = defaultdict(list)
    for reservation_id, room_type_id, check_in, check_out, units in host_pms().reserved(room_type_ids, start, end):
        reserved.add(room_type_id, max(check_in, start), min(check_out, end), units)
        own[reservation_id].append((room_type_id, check_in, check_out, units))
    holds = InventoryHold.objects.filter(
        keeping_units(database_now()), room_type__in=room_type_ids, check_in__lt=end, check_out__gt=start
    )
    for hold in holds:
        for night in nights(max(hold.check_in, start), min(hold.check_out, end) - ONE_NIGHT):
            has = sum(
                units
                for room_type_id, check_in, check_out, units in own[hold.reservation_id]
                if room_type_id == hold.room_type_id and check_in <= night < check_out
            )
            held.units[hold.room_type_id, night] += max(hold.units_held - has, 0)  # type: ignore[index]
    return reserved, held


def _out_of_order(room_type_ids: Sequence[UUID], start: date, end: date) -> Mapping[Key, set[object]]:
    """The rooms, each once however often it is blocked."""
    rooms: dict[Key, set[object]] = defaultdict(set)
    for room_id, room_type_id, first, last in host_pms().maintenance(room_type_ids, start, end):
        for night in nights(max(first, start), min(last, end) - ONE_NIGHT):
            rooms[room_type_id, night].add(room_id)
    return rooms


def _not_in_pms(missing: NotInPmsYet) -> _Taken:
    taken = _Taken()
    for one in missing.missing:
        for span in one.booking.nights if one.booking.room_type_id is not None else ():
            taken.add(one.booking.room_type_id, span.first, span.last + ONE_NIGHT, span.units)  # type: ignore[arg-type]
    return taken


class _Conflicts:
    """Those that are about nights: the open ones by room type, and what somebody has closed at the channel by hand."""

    def __init__(self, channel_property: ChannelProperty) -> None:
        is_left = Q(status=ConflictStatus.DISMISSED) | Q(resolution=LEFT_CLOSED)
        found = Conflict.objects.filter(
            Q(status=ConflictStatus.OPEN, kind__in=OF_ROOMS) | Q(is_left, kind=ConflictKind.CLOSED_AT_CHANNEL),
            channel_property=channel_property,
        )
        self.open: dict[str, list[Conflict]] = defaultdict(list)
        self._closed: dict[tuple[str, str], str] = {}
        for conflict in found.order_by("created_at", "id"):
            room_type_id = str(conflict.pms_side.get("room_type_id"))
            if conflict.status == ConflictStatus.OPEN:
                self.open[room_type_id].append(conflict)
            if conflict.kind == ConflictKind.CLOSED_AT_CHANNEL:
                closures = conflict.channel_side["closures"].items()
                self._closed.update({(room_type_id, night): closure for night, closure in closures})

    def closed(self, room_type_id: UUID, night: date) -> str | None:
        """The closure of a night, in words."""
        return self._closed.get((str(room_type_id), str(night)))


class _Compared:
    """When each night was last compared, and why the channel kept it lower then."""

    def __init__(self, channel_property: ChannelProperty, start: date, end: date) -> None:
        runs = ReconciliationRun.objects.filter(
            channel_property=channel_property,
            kind=ReconciliationKind.AVAILABILITY,
            status=RunStatus.DONE,
            dry_run=False,
            window_start__lt=end,
            window_end__gte=start,
        ).order_by("-created_at")
        self._last: dict[date, ReconciliationRun] = {}
        self._reasons: dict[Key, str] = {}
        wanted = set(nights(start, end - ONE_NIGHT))
        for run in runs[:RUNS_LOOKED_AT]:
            of_run = {night for night in wanted if run.window_start <= night <= run.window_end}
            self._last.update(dict.fromkeys(of_run, run))
            self._reasons.update((key, reason) for key, reason in _reasons(run, start, end) if key[1] in of_run)
            wanted -= of_run
            if not wanted:
                break

    def of(self, room_type_id: UUID, night: date) -> tuple[datetime | None, str | None]:
        """By the newest run that looked at it."""
        run = self._last.get(night)
        return (run.finished_at if run is not None else None), self._reasons.get((room_type_id, night))


def _reasons(run: ReconciliationRun, start: date, end: date) -> Iterable[tuple[Key, str]]:
    for reason, by_room_type in run.kept_lower.items():
        for room_type_id, spans in by_room_type.items():
            for first, last in spans:
                of_span = max(date.fromisoformat(first), start), min(date.fromisoformat(last), end - ONE_NIGHT)
                for night in nights(*of_span):
                    yield (UUID(room_type_id), night), reason
