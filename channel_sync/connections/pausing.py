"""The pause of a property as its row keeps it: since when, by whom, and whether its rooms were closed with it."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F, Value
from django.db.models.functions import Coalesce, Now

from channel_sync.models import ChannelProperty, ChannelPropertyStatus

LONGEST_NAME = 150


def note_paused(channel_property_id: UUID, *, by: str, rooms_closed: bool = False) -> None:
    """Nothing is sent from now on. A pause that is on already keeps its beginning and who began it.

    Once the rooms are closed they stay so until it is resumed.
    """
    ChannelProperty.objects.filter(id=channel_property_id).update(
        status=ChannelPropertyStatus.INACTIVE,
        paused_at=Coalesce(F("paused_at"), Now()),
        paused_by=Coalesce(F("paused_by"), Value(by[:LONGEST_NAME])),
        rooms_closed=Value(True) if rooms_closed else F("rooms_closed"),
        updated_at=Now(),
    )


def note_resumed(channel_property_id: UUID, *, is_held: bool) -> None:
    """It is active; nothing is kept of the pause but that its rooms are closed, until what is held is opened."""
    ChannelProperty.objects.filter(id=channel_property_id).update(
        status=ChannelPropertyStatus.ACTIVE,
        paused_at=None,
        paused_by=None,
        rooms_closed=F("rooms_closed") if is_held else Value(False),
        updated_at=Now(),
    )
