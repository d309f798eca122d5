"""`{% channel_sync_pauses %}`: who has paused what, in red, on any page where that matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import template

from channel_sync.models import ChannelProperty
from channel_sync.operations.pausing import Pause, pauses

register = template.Library()

SHOWN = 20


@register.inclusion_tag("admin/channel_sync/pauses.html")
def channel_sync_pauses(
    channel_property: ChannelProperty | UUID | None = None, *, linked: bool = True
) -> dict[str, Any]:
    """The pauses of all properties, or that of one; nothing where none is paused. Two statements.

    Each is `linked` to the property's page, but for that page itself.
    """
    wanted = None
    if channel_property:
        wanted = ChannelProperty.objects.filter(pk=getattr(channel_property, "pk", channel_property))
    found: Sequence[Pause] = pauses(wanted)
    return {"pauses": found[:SHOWN], "linked": linked, "left_out": max(len(found) - SHOWN, 0)}
