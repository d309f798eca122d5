"""`{% channel_sync_pauses %}`: who has paused what, in red, on any page where that matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import template
from django.template import Context

from channel_sync.models import ChannelProperty
from channel_sync.operations.access import access_in
from channel_sync.operations.pausing import Pause, pauses

register = template.Library()

SHOWN = 20


@register.inclusion_tag("admin/channel_sync/pauses.html", takes_context=True)
def channel_sync_pauses(
    context: Context, channel_property: ChannelProperty | UUID | None = None, *, linked: bool = True
) -> dict[str, Any]:
    """The pauses of all properties that the user of the request may see, or that of one; nothing where none is paused.

    Each is `linked` to the property's page, but for that page itself. Without a request in the context there are none.
    """
    wanted = ChannelProperty.objects.all()
    if channel_property:
        wanted = wanted.filter(pk=getattr(channel_property, "pk", channel_property))
    request = context.get("request")
    wanted = wanted.none() if request is None else access_in(request).visible(wanted)
    found: Sequence[Pause] = pauses(wanted)
    return {"pauses": found[:SHOWN], "linked": linked, "left_out": max(len(found) - SHOWN, 0)}
