"""Rooms that are sold too often, or are about to be: overbooked nights, and channels that offer more than is free."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from channel_sync.conflicts import FREE_UNITS, NOT_IN_PMS
from channel_sync.database_errors import DATABASE_FAULTS
from channel_sync.models import AlertKind, Conflict, ConflictKind, ConflictStatus
from channel_sync.monitoring.finding import AT_MOST, Finding
from channel_sync.pms import host_pms
from channel_sync.reconciliation.rules import UNIT_TOLERANCE

# Nights that a message names; its conflict has them all.
NAMED_AT_MOST = 10


def room_findings() -> Iterator[Finding]:
    """One finding for each open conflict of these kinds, the oldest first."""
    names: dict[UUID, Mapping[str, str]] = {}
    for conflict in _open(ConflictKind.OVERBOOKING):
        yield _overbooking(conflict, _room_type(conflict, names))
    for conflict in _open(ConflictKind.AVAILABILITY):
        finding = _too_many_for_sale(conflict, _room_type(conflict, names))
        if finding is not None:
            yield finding


def _open(kind: ConflictKind) -> list[Conflict]:
    found = Conflict.objects.filter(kind=kind, status=ConflictStatus.OPEN)
    return list(found.select_related("channel_property").order_by("created_at")[:AT_MOST])


def _overbooking(conflict: Conflict, room_type: str) -> Finding:
    side = conflict.pms_side
    what = room_type if conflict.subject.startswith("room_type:") else f"{conflict.subject} ({room_type})"
    waiting = side.get(NOT_IN_PMS, {})
    unapplied = (
        f" Of what is sold, {max(waiting.values())} booked by a channel is not in the PMS yet: its event says why."
        if waiting
        else ""
    )
    return Finding(
        AlertKind.OVERBOOKING,
        f"{what} of {conflict.channel_property} has no free room on {_nights(side.get(FREE_UNITS, {}))}.{unapplied} "
        "Move a guest, or take a room back into order; the conflict closes once no night is below zero.",
        subject=f"{conflict.channel_property_id}:{conflict.subject}",
        channel_property=conflict.channel_property,
    )


def _too_many_for_sale(conflict: Conflict, room_type: str) -> Finding | None:
    """Of the nights on which the channel was found to offer two or more units too many."""
    free = conflict.pms_side.get(FREE_UNITS, {})
    shown = conflict.channel_side.get(FREE_UNITS, {})
    above = {night: shown[night] for night, units in free.items() if shown.get(night, units) - units > UNIT_TOLERANCE}
    if not above:
        return None
    worst = max(above, key=lambda night: above[night] - free[night])
    return Finding(
        AlertKind.TOO_MANY_FOR_SALE,
        f"{conflict.channel_property} offered more rooms of {room_type} than are free on {_nights(above)}; on {worst} "
        f"{above[worst]} instead of {free[worst]}. They were lowered at once. See what raised them at the channel, and "
        "watch for overbookings; the next comparison closes this.",
        subject=f"{conflict.channel_property_id}:{conflict.subject}",
        channel_property=conflict.channel_property,
    )


def _nights(named: Mapping[str, int]) -> str:
    nights = sorted(named)
    more = f" and {len(nights) - NAMED_AT_MOST} more nights" if len(nights) > NAMED_AT_MOST else ""
    return ", ".join(nights[:NAMED_AT_MOST]) + more


def _room_type(conflict: Conflict, names: dict[UUID, Mapping[str, str]]) -> str:
    """The name of a conflict's room type; its id where the host has none."""
    room_type_id = conflict.pms_side.get("room_type_id", "")
    property_id = conflict.channel_property.property_id
    if property_id not in names:
        names[property_id] = _names(property_id)
    return names[property_id].get(room_type_id, f"room type {room_type_id}")


def _names(property_id: UUID) -> Mapping[str, str]:
    try:
        return {str(found.id): found.name for found in host_pms().room_types(property_id)}
    except DATABASE_FAULTS:
        raise
    except Exception:  # noqa: BLE001 - a fault of the host's port keeps no alert from being sent
        return {}
