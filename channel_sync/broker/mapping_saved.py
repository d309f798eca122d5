"""A saved mapping retries the events that failed without it.

A reservation that failed with its booking is booked again, under a new hold; where its room is gone, or its room type
is still not mapped, its event stays failed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models.signals import post_save

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.connections.mapped_rooms import channel_rooms
from channel_sync.errors import CannotBookAgain, NotEnoughUnits, NotYet
from channel_sync.events.store import restart
from channel_sync.events.unmapped import failed_for_want_of_a_mapping
from channel_sync.inventory.reopening import Reopened, failed_with_reservation, reopen
from channel_sync.models import ChannelMapping, EventStatus
from channel_sync.pms import host_pms

logger = logging.getLogger(__name__)


def follow_mappings() -> None:
    """Connect the receiver; called once, when the apps are ready."""
    post_save.connect(_mapping_saved, sender=ChannelMapping, dispatch_uid="channel_sync.mapping")


def _mapping_saved(instance: ChannelMapping, raw: bool = False, **_: object) -> None:
    if raw or not instance.is_active:
        return
    with transaction.atomic():
        unmapped = failed_for_want_of_a_mapping(instance.channel_property_id)
        failed = failed_with_reservation(unmapped)
        # What is reopened is restarted with it; what was cancelled meanwhile has nothing to wait for.
        cancelled = {
            reservation_id
            for reservation_id in _mapped_by_now(instance, set(failed.values()))
            if not _book_again(reservation_id)
        }
        settled = [event_id for event_id, reservation_id in failed.items() if reservation_id not in cancelled]
        publish_after_commit(restart(unmapped.exclude(id__in=settled), (EventStatus.FAILED,)))


def _mapped_by_now(mapping: ChannelMapping, reservation_ids: set[UUID]) -> Iterator[UUID]:
    """Those of the reservations whose room type is mapped, their room types locked in the order of everybody."""
    if not reservation_ids:
        return
    pms = host_pms()
    found = pms.reservations(reservation_ids)
    rooms = channel_rooms(mapping.channel_property, {one.room_type_id for one in found.values()})
    pms.lock_room_types(list(rooms))
    yield from sorted(one.id for one in found.values() if one.room_type_id in rooms)


def _book_again(reservation_id: UUID) -> bool:
    """False when it has not failed: it was cancelled."""
    try:
        reopening = reopen(reservation_id)
    except (NotEnoughUnits, CannotBookAgain, NotYet) as error:
        logger.warning("reservation %s is not booked again though its room type is mapped: %s", reservation_id, error)
        return True
    publish_after_commit(reopening.messages)
    return reopening.outcome is not Reopened.NOT_FAILED
