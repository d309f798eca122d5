"""Overbookings that are over: the units that were missing have been given back."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from channel_sync.channels.ranges import ONE_NIGHT
from channel_sync.conflicts import close_gone
from channel_sync.inventory.availability import free_units
from channel_sync.models import Conflict, ConflictKind, ConflictStatus


def close_overbookings_gone(room_type_id: UUID) -> int:
    """Close the open overbookings of a room type of which no night is below zero any more; returns how many.

    Runs in the transaction that gave units back: a hold that was released or has expired.
    """
    found = Conflict.objects.filter(
        kind=ConflictKind.OVERBOOKING, status=ConflictStatus.OPEN, pms_side__room_type_id=str(room_type_id)
    )
    gone = [conflict.id for conflict in found if not _is_overbooked(room_type_id, conflict)]
    return close_gone(Conflict.objects.filter(id__in=gone)) if gone else 0


def _is_overbooked(room_type_id: UUID, conflict: Conflict) -> bool:
    named = {date.fromisoformat(night) for night in conflict.pms_side.get("free_units", {})}
    if not named:
        return False
    nights = free_units([room_type_id], min(named), max(named) + ONE_NIGHT, unapplied=False)
    return any(night.free < 0 for night in nights if night.night in named)
