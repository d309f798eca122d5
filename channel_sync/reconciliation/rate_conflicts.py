"""What a person has to look at after rates were compared: prices, shared restrictions, closures made by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from uuid import UUID

from django.db.models import QuerySet

from channel_sync.channels.canonical import RateTerms
from channel_sync.channels.ranges import equal_ranges
from channel_sync.conflicts import close_gone, flag_conflict
from channel_sync.connections.mapped_rooms import every_channel_room
from channel_sync.connections.rate_plan_names import rate_plan_names
from channel_sync.models import (
    RESTRICTIONS_SUBJECT,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    MappingType,
    ReconciliationRun,
    Severity,
)
from channel_sync.reconciliation.rate_nights import ClosedNight, SharedNight, UnequalRate, room_of

RATE_SUBJECT, ROOM_SUBJECT = "rate", "room"
# The resolution of a person who leaves nights closed, and wants to hear no more of them.
LEFT_CLOSED = "take_channel"
CLOSURE_NAMES = {
    "stop_sell": "closed",
    "closed_to_arrival": "no arrival",
    "closed_to_departure": "no departure",
}
OPEN = "open"
One = TypeVar("One")
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Looked:
    """What a run has compared: mappings, and every one of their nights in its window."""

    run: ReconciliationRun
    mappings: Collection[ChannelMapping]
    today: date
    is_whole: bool

    @property
    def rooms(self) -> set[str]:
        """The channel rooms whose plans were compared."""
        return {room_of(mapping) for mapping in self.mappings}

    def covers(self, nights: Iterable[str]) -> bool:
        """Whether each of these nights was compared, or is past."""
        first, last = self.run.window_start, self.run.window_end
        return all(night < self.today or first <= night <= last for night in map(date.fromisoformat, nights))


def flag_prices(channel_property: ChannelProperty, rates: Sequence[UnequalRate]) -> int:
    """One conflict per rate plan, with its nights; returns how many there are."""
    return sum(
        flag_conflict(
            channel_property,
            ConflictKind.RATE,
            Severity.MEDIUM,
            f"{RATE_SUBJECT}:{mapping.internal_id}",
            pms_side={
                "rate_plan_id": str(mapping.internal_id),
                "prices": _prices((one.night, one.pms) for one in found),
            },
            channel_side={"rate_id": mapping.external_id, "prices": _prices((one.night, one.channel) for one in found)},
        )
        for mapping, found in grouped(rates, lambda rate: rate.mapping).items()
    )


def close_prices(looked: Looked, flags: Sequence[UnequalRate]) -> None:
    """Close the conflicts of rate plans of which each night was compared, is past, or is not sold here any more."""
    known = _open(looked, ConflictKind.RATE, RATE_SUBJECT)
    flagged = {f"{RATE_SUBJECT}:{rate.mapping.internal_id}" for rate in flags}
    plans = {mapping.internal_id for mapping in looked.mappings}
    mapped = set(_rate_mappings(looked).values_list("internal_id", flat=True))
    gone = []
    for conflict in known.exclude(subject__in=flagged):
        plan = UUID(conflict.pms_side["rate_plan_id"])
        if plan not in mapped or (plan in plans and looked.covers(conflict.pms_side["prices"])):
            gone.append(conflict.id)
    close_gone(known.filter(id__in=gone))


def flag_shared(channel_property: ChannelProperty, shared: Sequence[SharedNight]) -> int:
    """One conflict per room whose plans differ in what it has once; returns how many there are.

    What a person has dismissed does not come back while the plans differ in the same, whatever the nights.
    """
    names = rate_plan_names(channel_property.property_id) if shared else {}
    room_types = {room: room_type_id for room_type_id, room in every_channel_room(channel_property).items()}
    flagged = 0
    for room, found in grouped(shared, lambda one: room_of(one.mapping)).items():
        wanted, held = _restrictions(found, names, "wanted"), _restrictions(found, names, "held")
        subject = f"{RESTRICTIONS_SUBJECT}:{room}"
        dismissed = Conflict.objects.filter(
            channel_property=channel_property,
            kind=ConflictKind.RATE,
            subject=subject,
            status=ConflictStatus.DISMISSED,
        )
        now = _without_nights(wanted), _without_nights(held)
        if any(
            (_without_nights(one.pms_side["restrictions"]), _without_nights(one.channel_side["restrictions"])) == now
            for one in dismissed
        ):
            continue
        flagged += flag_conflict(
            channel_property,
            ConflictKind.RATE,
            Severity.MEDIUM,
            subject,
            pms_side={"room_type_id": _text(room_types.get(room)), "restrictions": wanted},
            channel_side={"room_id": room, "restrictions": held},
        )
    return flagged


def close_shared(looked: Looked, shared: Sequence[SharedNight]) -> None:
    """Close the conflicts of rooms that can hold what their plans say, or have no plan any more."""
    known = _open(looked, ConflictKind.RATE, RESTRICTIONS_SUBJECT)
    kept = {room_of(one.mapping) for one in shared}
    mapped = {room_of(mapping) for mapping in _rate_mappings(looked)}
    gone = []
    for conflict in known:
        room = conflict.channel_side["room_id"]
        if room not in kept and (room not in mapped or (looked.is_whole and room in looked.rooms)):
            gone.append(conflict.id)
    close_gone(known.filter(id__in=gone))


def flag_closed(channel_property: ChannelProperty, closed: Sequence[ClosedNight]) -> int:
    """One conflict per room that somebody closed at the channel, with its nights; returns how many there are.

    Nights that a person has left closed, or dismissed, are not brought up again while they are closed as they were.
    """
    room_types = {room: room_type_id for room_type_id, room in every_channel_room(channel_property).items()}
    flagged = 0
    for room, found in grouped(closed, lambda one: one.room).items():
        subject = f"{ROOM_SUBJECT}:{room}"
        settled = _left_closed(channel_property, subject)
        news = [one for one in found if (str(one.night), closure_name(one.channel)) not in settled]
        if news:
            flagged += flag_conflict(
                channel_property,
                ConflictKind.CLOSED_AT_CHANNEL,
                Severity.MEDIUM,
                subject,
                pms_side={
                    "room_type_id": _text(room_types.get(room)),
                    "closures": {str(one.night): closure_name(one.pms) for one in news},
                },
                channel_side={
                    "room_id": room,
                    "closures": {str(one.night): closure_name(one.channel) for one in news},
                },
            )
    return flagged


def close_opened(looked: Looked, closed: Sequence[ClosedNight]) -> None:
    """Close the conflicts of rooms that are open again on each of their nights, or are not sold here any more."""
    known = _open(looked, ConflictKind.CLOSED_AT_CHANNEL, ROOM_SUBJECT)
    still = grouped(closed, lambda one: one.room)
    mapped = {room_of(mapping) for mapping in _rate_mappings(looked)}
    gone = []
    for conflict in known:
        room, nights = conflict.channel_side["room_id"], conflict.channel_side["closures"]
        is_still = any(str(one.night) in nights for one in still.get(room, ()))
        if room not in mapped or (room in looked.rooms and looked.covers(nights) and not is_still):
            gone.append(conflict.id)
    close_gone(known.filter(id__in=gone))


def closure_name(terms: RateTerms) -> str:
    """A closure in words; "open" where there is none."""
    if terms.stop_sell:
        return CLOSURE_NAMES["stop_sell"]
    return ", ".join(told for name, told in CLOSURE_NAMES.items() if getattr(terms, name)) or OPEN


def grouped(items: Iterable[One], key: Callable[[One], Key]) -> dict[Key, list[One]]:
    """Items by a key, in their order."""
    found: dict[Key, list[One]] = defaultdict(list)
    for one in items:
        found[key(one)].append(one)
    return found


def _left_closed(channel_property: ChannelProperty, subject: str) -> set[tuple[str, str]]:
    """Nights and closures that a person has decided to leave as they are."""
    known = Conflict.objects.filter(
        channel_property=channel_property, kind=ConflictKind.CLOSED_AT_CHANNEL, subject=subject
    )
    settled = known.filter(status=ConflictStatus.DISMISSED) | known.filter(resolution=LEFT_CLOSED)
    return {night for side in settled.values_list("channel_side", flat=True) for night in side["closures"].items()}


def _restrictions(found: Sequence[SharedNight], names: Mapping[UUID, str], side: str) -> dict[str, dict[str, str]]:
    """Plan -> nights -> what it says, or what is sent instead."""
    return {
        names.get(mapping.internal_id, str(mapping.internal_id)): {
            str(first) if first == last else f"{first} to {last}": ", ".join(
                f"{name.replace('_', ' ')} {_told(getattr(terms, name))}" for name in differing
            )
            for first, last, (terms, differing) in equal_ranges(
                (one.night, (getattr(one, side).model_copy(update={"price": None}), one.differing())) for one in of_plan
            )
        }
        for mapping, of_plan in grouped(found, lambda one: one.mapping).items()
    }


def _told(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _without_nights(restrictions: Mapping[str, Mapping[str, str]]) -> dict[str, set[str]]:
    return {plan: set(by_nights.values()) for plan, by_nights in restrictions.items()}


def _open(looked: Looked, kind: ConflictKind, subject: str) -> QuerySet[Conflict]:
    return Conflict.objects.filter(
        channel_property=looked.run.channel_property,
        kind=kind,
        status=ConflictStatus.OPEN,
        subject__startswith=f"{subject}:",
    )


def _rate_mappings(looked: Looked) -> QuerySet[ChannelMapping]:
    return ChannelMapping.objects.filter(
        channel_property=looked.run.channel_property, mapping_type=MappingType.RATE, is_active=True
    )


def _text(identity: UUID | None) -> str | None:
    return str(identity) if identity is not None else None


def _prices(terms: Iterator[tuple[date, RateTerms | None]]) -> dict[str, str | None]:
    return {
        str(night): str(found.price) if found is not None and found.price is not None else None
        for night, found in terms
    }
