"""Guests in house, or gone, whose booking a channel has cancelled or changed: somebody has to decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from channel_sync.channels.canonical import BookingStatus
from channel_sync.conflicts import CHANGED
from channel_sync.merge.fields import Field
from channel_sync.models import AlertKind, Conflict, ConflictKind, ConflictStatus, ReservationLink
from channel_sync.monitoring.finding import AT_MOST, Finding
from channel_sync.pms import StayPhase

PHASES: Mapping[str, str] = {
    StayPhase.IN_HOUSE: "the guest is in house",
    StayPhase.DEPARTED: "the guest has left",
    StayPhase.NO_SHOW: "the guest did not come",
}


def begun_stay_findings() -> Iterator[Finding]:
    """One finding for each open conflict about a stay that has begun or ended; the oldest first."""
    found = Conflict.objects.filter(kind=ConflictKind.STAY_BEGUN, status=ConflictStatus.OPEN)
    conflicts = list(found.select_related("channel_property").order_by("created_at")[:AT_MOST])
    sold = _sold_by(conflicts)
    for conflict in conflicts:
        here = conflict.pms_side
        dates = here.get(CHANGED, {}).get(Field.DATES) or [here.get("check_in"), here.get("check_out")]
        yield Finding(
            AlertKind.STAY_BEGUN,
            f"{conflict.subject} of {conflict.channel_property} ({sold.get(_key(conflict)) or 'no OTA named'}, "
            f"{dates[0]} to {dates[1]}): {PHASES.get(here.get('phase', ''), 'the stay has begun')}, and the channel "
            f"{_wish(conflict.channel_side)}. The PMS keeps the stay. Ask the guest or the OTA, then settle the "
            "conflict in the admin: take the channel's side, keep the PMS's side, or dismiss it.",
            subject=f"{conflict.channel_property_id}:{conflict.subject}",
            channel_property=conflict.channel_property,
        )


def _sold_by(conflicts: Iterable[Conflict]) -> dict[tuple[UUID, str], str]:
    """The OTA and its reference, by property and booking."""
    keys = [_key(conflict) for conflict in conflicts]
    links = ReservationLink.objects.filter(
        channel_property__in={key[0] for key in keys}, external_id__in={key[1] for key in keys}
    )
    return {
        (property_id, external_id): " ".join(filter(None, sold))
        for property_id, external_id, *sold in links.values_list(
            "channel_property_id", "external_id", "ota", "ota_reference"
        )
    }


def _key(conflict: Conflict) -> tuple[UUID, str]:
    return conflict.channel_property_id, conflict.subject.partition(":")[2]


def _wish(channel_side: Mapping[str, Any]) -> str:
    """What the channel has otherwise, in words."""
    changed = channel_side.get(CHANGED, {})
    if channel_side.get("deleted"):
        return "has deleted the booking"
    if changed.get(Field.STATUS) == BookingStatus.CANCELLED:
        return "has cancelled the booking"
    said = []
    if Field.DATES in changed:
        said.append("{} to {}".format(*changed[Field.DATES]))
    if Field.ROOM in changed:
        said.append(f"room {changed[Field.ROOM]}")
    if Field.UNITS in changed:
        said.append(f"{changed[Field.UNITS]} rooms of the type")
    if Field.STATUS in changed:
        said.append(f"status {changed[Field.STATUS]}")
    return f"has changed the booking to {', '.join(said)}"
