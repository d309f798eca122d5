"""A saved mapping retries the events that failed without it (design, "Inbound")."""

from __future__ import annotations

from django.db import transaction
from django.db.models.signals import post_save

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.events.store import restart
from channel_sync.events.unmapped import failed_for_want_of_a_mapping
from channel_sync.models import ChannelMapping, EventStatus


def follow_mappings() -> None:
    """Connect the receiver; called once, when the apps are ready."""
    post_save.connect(_mapping_saved, sender=ChannelMapping, dispatch_uid="channel_sync.mapping")


def _mapping_saved(instance: ChannelMapping, raw: bool = False, **_: object) -> None:
    if raw or not instance.is_active:
        return
    with transaction.atomic():
        unmapped = failed_for_want_of_a_mapping(instance.channel_property_id)
        publish_after_commit(restart(unmapped, (EventStatus.FAILED,)))
