"""The property at a channel that a command names."""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import CommandError

from channel_sync.models import ChannelProperty
from channel_sync.operations.status import channel_properties_of


def named_property(identity: UUID) -> ChannelProperty:
    """By its id as a channel property, or by the PMS's where it is at one channel. Raises `CommandError`."""
    found = list(channel_properties_of(identity)[:10])
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(f"No property {identity} is connected. 'manage.py channel_sync_status' lists them.")
    named = ", ".join(f"{one} is {one.id}" for one in found)
    raise CommandError(f"Property {identity} is at several channels. Name one of them: {named}.")
