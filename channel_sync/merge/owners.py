"""Whose word counts when both sides have changed the same field of a booking."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID

from channel_sync.conf import channel_sync_settings
from channel_sync.merge.fields import Field


class Side(StrEnum):
    """A side that has the booking."""

    CHANNEL = "channel"
    PMS = "pms"


Owners = Mapping[Field, Side]

# A room type that the desk has changed stays until the channel changes the room: only then have both.
OF_AN_OTA: Owners = dict.fromkeys(Field, Side.CHANNEL) | {Field.NOTES: Side.PMS}
OF_THE_PMS: Owners = dict.fromkeys(Field, Side.PMS)


def owners_of(property_id: UUID, *, is_ours: bool) -> Owners:
    """Of a booking that was made in the PMS, or elsewhere. The settings come first, the property's before all."""
    settings = channel_sync_settings()
    owners = dict(OF_THE_PMS if is_ours else OF_AN_OTA)
    for table in (settings.owners, settings.owners_by_property.get(str(property_id))):
        if table is not None:
            named = table.pms if is_ours else table.ota
            owners |= {Field(name): Side(side) for name, side in named.items()}
    return owners
